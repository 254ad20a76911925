using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Requests;
using NoriKV.Node.Routing;
using NoriKV.Node.Scanning;
using NoriKV.Node.Tracing;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>Scans: all shards merged in key order.</summary>
public sealed partial class NoriNode
{
    /// <inheritdoc/>
    public async ValueTask<KvResult<ScanPage>> ScanAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context)
    {
        long began = _time.GetTimestamp();
        RequestProbe? probe = Traced(context, RequestOperation.Scan, null);
        KvResult<ScanPage> page = await ScanPageAsync(options, pagePairsMax, pageBytesMax, context).ConfigureAwait(false);
        Tell(probe, StageNames.Parts);
        NoteIfSlow(probe, RequestOperation.Scan, null, began, page.Error);
        return page;
    }

    private async ValueTask<KvResult<ScanPage>> ScanPageAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context)
    {
        KvResult<ScanPlan> planned = PlanScan(options, pagePairsMax, pageBytesMax, context);
        if (!planned.TryGet(out ScanPlan plan, out KvError? error)) return error;
        if (!MayScanHere(plan)) return await ScanNodesAsync(plan, pagePairsMax, pageBytesMax).ConfigureAwait(false);
        KvResult<ScanCursor> opened = await OpenScanAsync(plan, pagePairsMax).ConfigureAwait(false);
        if (!opened.TryGet(out ScanCursor? cursor, out error))
        {
            return HasPeers && RouteErrors.MayTryAgain(error)
                ? await ScanNodesAsync(plan, pagePairsMax, pageBytesMax).ConfigureAwait(false)
                : error;
        }

        using (cursor) return NextPage(cursor, options, pagePairsMax, pageBytesMax);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<KvResult<ScanPage>> ScanPagesAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context)
    {
        KvResult<ScanPlan> planned = PlanScan(options, pagePairsMax, pageBytesMax, context);
        if (!planned.TryGet(out ScanPlan plan, out KvError? error))
        {
            yield return error;
            yield break;
        }

        if (!MayScanHere(plan))
        {
            await foreach (KvResult<ScanPage> page in PagesOfNodesAsync(options, pagePairsMax, pageBytesMax, context)
                .ConfigureAwait(false))
            {
                yield return page;
            }

            yield break;
        }

        KvResult<ScanCursor> opened = await OpenScanAsync(plan, pagePairsMax).ConfigureAwait(false);
        if (!opened.TryGet(out ScanCursor? cursor, out error))
        {
            yield return error;
            yield break;
        }

        using (cursor)
        {
            KvResult<ScanPage> page;
            do
            {
                page = Unserving is { } reason
                    ? ProposalErrors.Unavailable(reason)
                    : NextPage(cursor, options, pagePairsMax, pageBytesMax);
                yield return page;
            }
            while (page.IsOk && !cursor.IsDone);
        }
    }

    private KvResult<ScanPlan> PlanScan(ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pagePairsMax);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pageBytesMax);
        if (ValidateScan(options) is { } invalid) return invalid;
        PageToken? token = null;
        if (!options.PageToken.IsEmpty)
        {
            if (!PageToken.TryDecode(options.PageToken.Span, options, out PageToken decoded, out KvError? error)) return error!;
            token = decoded;
        }

        if (Unserving is { } reason) return ProposalErrors.Unavailable(reason);
        long now = _time.GetTimestamp();
        if (DeadlineRules.Check(now, context) is { } late) return late;
        return new ScanPlan(options, token, ShardsOf(options), _deadlines.AnswerBy(now, context.Deadline), context);
    }

    /// <summary>True where one cursor of this node may serve all shards.</summary>
    private bool MayScanHere(ScanPlan plan)
    {
        if (!HasPeers) return true;
        foreach (ShardId shard in plan.Shards)
        {
            if (ScanTargetOf(shard, plan.Options.Read, round: 0) != Self) return false;
        }

        return true;
    }

    private async ValueTask<KvResult<ScanCursor>> OpenScanAsync(ScanPlan plan, int pagePairsMax)
    {
        ReadBarrier[] barriers = await AdmitScanAsync(plan.Shards, plan.Options.Read, plan.AnswerBy).ConfigureAwait(false);
        return Array.Find(barriers, static b => b.Error is not null).Error is { } refused
            ? refused
            : await OpenScanAsync(plan, barriers, pagePairsMax).ConfigureAwait(false);
    }

    private async ValueTask<KvResult<ScanCursor>> OpenScanAsync(ScanPlan plan, ReadBarrier[] barriers, int pagePairsMax)
    {
        KvResult<ScanCursor> opened = Open();
        // The cursor's view is frozen: confirmed once, all its pages are.
        while (opened.IsOk && Unconfirmed(plan.Shards, barriers) is { Count: > 0 } doubtful)
        {
            opened.Value.Dispose();
            foreach (int place in doubtful)
            {
                barriers[place] = await _log.ReadIndexAsync(
                    plan.Shards[place], plan.Options.Read, plan.AnswerBy).ConfigureAwait(false) with
                {
                    Replica = barriers[place].Replica,
                };
                if (barriers[place].Error is { } failed) return failed;
            }

            opened = Open();
        }

        return opened;

        KvResult<ScanCursor> Open() => Guarded<ScanCursor>(() => new ScanCursor(
            _storage, _replicas, plan.Shards, barriers, plan.Options, plan.Token, pagePairsMax, plan.Context, _options));
    }

    /// <summary>Admits reads of all the shards; where a majority is asked, all are on their way before the first is awaited.</summary>
    private async ValueTask<ReadBarrier[]> AdmitScanAsync(ShardId[] shards, ReadOptions options, long answerBy)
    {
        var barriers = new ReadBarrier[shards.Length];
        ReplicaId[] replicas = [.. shards.Select(_replicas.ReplicaOf)];
        var pending = new List<(int Place, Task<ReadBarrier> Barrier)>();
        _log.BeginReads();
        try
        {
            for (int i = 0; i < shards.Length; i++)
            {
                ValueTask<ReadBarrier> admitted = _replicas.Stopped(shards[i]) is { } stopped
                    ? ValueTask.FromResult(new ReadBarrier(ProposalErrors.Unavailable(stopped), options.Consistency, null))
                    : _log.ReadBarrierAsync(shards[i], options, answerBy);
                if (admitted.IsCompletedSuccessfully) barriers[i] = admitted.Result;
                else pending.Add((i, admitted.AsTask()));
            }
        }
        finally
        {
            _log.EndReads();
        }

        foreach ((int place, Task<ReadBarrier> barrier) in pending) barriers[place] = await barrier.ConfigureAwait(false);
        for (int i = 0; i < barriers.Length; i++) barriers[i] = barriers[i] with { Replica = replicas[i] };
        return barriers;
    }

    private List<int> Unconfirmed(ShardId[] shards, ReadBarrier[] barriers)
    {
        var doubtful = new List<int>();
        for (int i = 0; i < shards.Length; i++)
        {
            if (!_log.Confirm(shards[i], barriers[i])) doubtful.Add(i);
        }

        return doubtful;
    }

    private KvResult<ScanPage> NextPage(ScanCursor cursor, ScanOptions options, int pagePairsMax, int pageBytesMax) =>
        Guarded<ScanPage>(() => cursor.Next(pagePairsMax, pageBytesMax).TryGet(
            out IReadOnlyList<KvPair>? pairs, out KvError? error)
            ? new ScanPage(pairs, cursor.Token, cursor.Count, ScanMetaOf(options, null))
            : error);

    private KvError? ValidateScan(ScanOptions options)
    {
        if (!options.Prefix.IsEmpty && (!options.Start.IsEmpty || !options.End.IsEmpty))
        {
            return new KvError(KvCode.InvalidArgument, "prefix excludes start and end");
        }

        if (options.Limit < 0) return new KvError(KvCode.InvalidArgument, $"Limit {options.Limit} is negative");
        int longest = Math.Max(options.Prefix.Length, Math.Max(options.Start.Length, options.End.Length));
        // One byte more: the least key above the longest one is a bound that callers make.
        return longest > _options.Limits.KeyBytesMax + 1
            ? new KvError(KvCode.InvalidArgument, $"Key size {longest} exceeds limit {_options.Limits.KeyBytesMax}")
            : null;
    }

    /// <summary>All shards, or the one that a whole hash tag at the front of the prefix names.</summary>
    private ShardId[] ShardsOf(ScanOptions options) =>
        _hashTags && KeyHash.TryGetTag(options.Prefix.Span, out _)
            ? [ShardOf(options.Prefix.Span)]
            : [.. Enumerable.Range(0, _totalShards).Select(static s => new ShardId((uint)s))];
}
