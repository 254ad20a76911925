using NoriKV.Node.Entries;
using NoriKV.Node.Machine;
using NoriKV.Node.Replication;
using NoriKV.Node.Requests;
using NoriKV.Node.Routing;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>Batches: one entry per shard, atomic there; a result per operation, in order.</summary>
public sealed partial class NoriNode
{
    /// <inheritdoc/>
    public async ValueTask<KvResult<IReadOnlyList<BatchOperationResult>>> BatchAsync(
        IReadOnlyList<BatchOperation> operations, BatchOptions options, RequestContext context)
    {
        KvError? error = _validator.Batch(operations) ?? _validator.IdempotencyKey(options.IdempotencyKey);
        if (error is not null) return error;
        SortedDictionary<uint, List<int>> shards = GroupByShard(operations);
        if (options.RequireAtomic && shards.Count > 1)
        {
            return new KvError(
                KvCode.FailedPrecondition,
                $"require_atomic: the keys lie in {shards.Count} shards, and a batch is atomic only within one");
        }

        EntrySession session = EntrySession.Parse(options.IdempotencyKey);
        var budget = new AnswerBudget(Limits.BatchAnswerBytesMax);
        var parts = new List<(List<int> Places, Task<KvResult<EntryOutcome>> Outcome)>(shards.Count);
        RequestProbe? probe = context.Probe;
        // Parts run beside each other: a probe is one request's, one behind the other.
        if (shards.Count > 1) context = context with { Probe = null };
        foreach ((uint shard, List<int> places) in shards)
        {
            // All are on their way before the first is awaited: one sync may serve them all.
            parts.Add((places, RunPartAsync(new ShardId(shard), operations, places, session, budget, context).AsTask()));
        }

        var results = new BatchOperationResult[operations.Count];
        KvError? common = null;
        bool allFailed = true;
        foreach ((List<int> places, Task<KvResult<EntryOutcome>> pending) in parts)
        {
            KvResult<EntryOutcome> result = await pending.ConfigureAwait(false);
            if (result.TryGet(out EntryOutcome? outcome, out KvError? failed))
            {
                allFailed = false;
                Fill(results, operations, places, outcome);
                continue;
            }

            allFailed &= common is null || common.Code == failed.Code;
            common ??= failed;
            foreach (int place in places)
            {
                results[place] = new BatchOperationResult { Kind = operations[place].Kind, Error = failed };
            }
        }

        if (probe is not null && shards.Count > 1)
        {
            Tell(Named(probe, RequestOperation.Batch, null), StageNames.Parts, $"{shards.Count} shards");
        }

        // Where no shard got as far as an outcome, and all for one reason, the call as a whole has that reason.
        return allFailed ? common! : results;
    }

    private SortedDictionary<uint, List<int>> GroupByShard(IReadOnlyList<BatchOperation> operations)
    {
        var shards = new SortedDictionary<uint, List<int>>();
        for (int i = 0; i < operations.Count; i++)
        {
            uint shard = ShardOf(operations[i].Key.Span).Value;
            if (!shards.TryGetValue(shard, out List<int>? places)) shards.Add(shard, places = []);
            places.Add(i);
        }

        return shards;
    }

    private async ValueTask<KvResult<EntryOutcome>> RunPartAsync(
        ShardId shard, IReadOnlyList<BatchOperation> operations, List<int> places, EntrySession session,
        AnswerBudget budget, RequestContext context)
    {
        if (places.TrueForAll(place => operations[place].Kind == BatchOperationKind.Get))
        {
            return await ReadPartAsync(shard, operations, places, budget, context).ConfigureAwait(false);
        }

        EntryOperation[] entry = [.. places.Select(place => ToEntry(operations[place]))];
        return await ProposeAsync(shard, session, entry, context).ConfigureAwait(false);
    }

    /// <summary>Gets alone need no entry.</summary>
    private async ValueTask<KvResult<EntryOutcome>> ReadPartAsync(
        ShardId shard, IReadOnlyList<BatchOperation> operations, List<int> places, AnswerBudget budget,
        RequestContext context)
    {
        ReadOnlyMemory<byte>[] keys = [.. places.Select(place => operations[place].Key)];
        // One consistency for all of them would be one barrier; they may differ, and then each has its own.
        ReadOptions read = operations[places[0]].Read;
        if (places.TrueForAll(place => operations[place].Read == read))
        {
            KvResult<ReadValues> all = await ReadKeysAsync(shard, keys, read, budget.BytesMax, context).ConfigureAwait(false);
            return all.TryGet(out ReadValues? values, out KvError? failed) ? Within(budget, values) : failed;
        }

        var outcomes = new OperationOutcome[keys.Length];
        for (int i = 0; i < keys.Length; i++)
        {
            KvResult<ReadValues> one = await ReadKeysAsync(
                shard, [keys[i]], operations[places[i]].Read, budget.BytesMax, context).ConfigureAwait(false);
            if (!one.TryGet(out ReadValues? values, out KvError? error)) return error;
            outcomes[i] = Within(budget, values).Operations[0];
        }

        return new EntryOutcome { Operations = outcomes };
    }

    private static EntryOutcome Within(AnswerBudget budget, ReadValues values) => new()
    {
        Operations = [.. values.Outcomes.Select(o => budget.TryTake(o.Value.Length)
            ? o
            : new OperationOutcome(OutcomeStatus.NoRoom, o.Version))],
    };

    private void Fill(
        BatchOperationResult[] results, IReadOnlyList<BatchOperation> operations, List<int> places, EntryOutcome outcome)
    {
        int failed = Array.FindIndex(outcome.Operations, static o => o.IsRefused);
        KvMeta meta = MetaOf(outcome);
        for (int i = 0; i < places.Count; i++)
        {
            BatchOperation operation = operations[places[i]];
            OperationOutcome done = outcome.Operations[i];
            KvError? error = Requests.OutcomeErrors.Of(done, operation.IfMatch, failed < 0 ? -1 : places[failed]);
            results[places[i]] = new BatchOperationResult
            {
                Kind = operation.Kind,
                Error = error,
                Version = error is null ? done.Version : KvVersion.None,
                Value = done.Value,
                Tombstoned = operation.Kind == BatchOperationKind.Delete && done.Status == OutcomeStatus.Done,
                Meta = operation.Kind == BatchOperationKind.Get ? _metas.Of(operation.Read.Consistency) : meta,
            };
        }
    }

    private static EntryOperation ToEntry(BatchOperation operation) => operation.Kind switch
    {
        BatchOperationKind.Put => new EntryOperation(
            OperationKind.Put, operation.Key, operation.Value, TtlOf(operation.Ttl), operation.IfMatch,
            operation.IfNotExists),
        BatchOperationKind.Delete => new EntryOperation(
            OperationKind.Delete, operation.Key, default, 0, operation.IfMatch, false),
        _ => new EntryOperation(OperationKind.Get, operation.Key, default, 0, null, false),
    };
}
