using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Requests;
using NoriKV.Node.Routing;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node;

/// <summary>Reads: here where that can be proven right, otherwise by whoever leads (docs/routing.md).</summary>
public sealed partial class NoriNode
{
    private async ValueTask<KvResult<GetResult>> ReadAsync(
        ShardId shard, ReadOnlyMemory<byte> key, ReadOptions options, RequestContext context)
    {
        if (Unserving is { } reason) return ProposalErrors.Unavailable(reason);
        long now = _time.GetTimestamp();
        if (DeadlineRules.Check(now, context) is { } late) return late;
        long answerBy = _deadlines.AnswerBy(now, context.Deadline);
        if (options.Consistency == Consistency.Bounded && !LeadsHere(shard))
        {
            await AskFreshnessAsync(shard, options, answerBy).ConfigureAwait(false);
        }

        if (MayReadHere(shard, options))
        {
            KvResult<GetResult> here = await ReadHereAsync(shard, key, options, ReadHereBy(now, answerBy)).ConfigureAwait(false);
            if (here.Error is not { } failed || !RouteErrors.MayTryAgain(failed) || _time.GetTimestamp() >= answerBy) return here;
        }

        KvResult<ReadValues> routed = await RouteReadAsync(
            shard, [key], options, long.MaxValue, answerBy, context).ConfigureAwait(false);
        if (!routed.TryGet(out ReadValues? values, out KvError? error)) return error;
        OperationOutcome found = values.Outcomes[0];
        return new GetResult(found.Value, found.Version, MetaOf(values));
    }

    /// <summary>Keys of one shard, all behind one barrier, here or elsewhere.</summary>
    private async ValueTask<KvResult<ReadValues>> ReadKeysAsync(
        ShardId shard, IReadOnlyList<ReadOnlyMemory<byte>> keys, ReadOptions options, long answerBytesMax, RequestContext context)
    {
        if (Unserving is { } reason) return ProposalErrors.Unavailable(reason);
        long now = _time.GetTimestamp();
        if (DeadlineRules.Check(now, context) is { } late) return late;
        long answerBy = _deadlines.AnswerBy(now, context.Deadline);
        if (options.Consistency == Consistency.Bounded && !LeadsHere(shard))
        {
            await AskFreshnessAsync(shard, options, answerBy).ConfigureAwait(false);
        }

        if (MayReadHere(shard, options))
        {
            KvResult<ReadValues> here = await ReadKeysHereAsync(
                shard, keys, options, answerBytesMax, ReadHereBy(now, answerBy)).ConfigureAwait(false);
            if (here.Error is not { } failed || !RouteErrors.MayTryAgain(failed) || _time.GetTimestamp() >= answerBy) return here;
        }

        return await RouteReadAsync(shard, keys, options, answerBytesMax, answerBy, context).ConfigureAwait(false);
    }

    /// <summary>
    /// Whether the own replica is the one to ask first. A lease is its leader's; what has not caught up since the start would keep
    /// a read waiting for all that it lacks.
    /// </summary>
    private bool MayReadHere(ShardId shard, ReadOptions options)
    {
        if (_log.Group(shard) is not { } group || _replicas.Stopped(shard) is not null) return !HasPeers;
        if (!HasPeers || group.Published.Role == Raft.RaftRole.Leader) return true;
        return options.Consistency != Consistency.Lease && group.Published.HasCaughtUp;
    }

    private long ReadHereBy(long now, long answerBy) => HasPeers ? Math.Min(answerBy, now + _parkLength) : answerBy;

    /// <summary>
    /// Admits the read, reads, and has what was read confirmed where that is needed: only then is it an answer. What is not
    /// confirmed is read again behind a majority's word.
    /// </summary>
    private async ValueTask<KvResult<GetResult>> ReadHereAsync(
        ShardId shard, ReadOnlyMemory<byte> key, ReadOptions options, long answerBy)
    {
        if (_replicas.Stopped(shard) is { } stopped) return ProposalErrors.Unavailable(stopped);
        ReadBarrier barrier = await _log.ReadBarrierAsync(shard, options, answerBy).ConfigureAwait(false);
        if (barrier.Error is { } refused) return refused;
        KvResult<GetResult> read = Guarded(() => Read(shard, key.Span, barrier));
        if (_log.Confirm(shard, barrier)) return read;
        barrier = await _log.ReadIndexAsync(shard, options, answerBy).ConfigureAwait(false);
        return barrier.Error is { } failed ? failed : Guarded(() => Read(shard, key.Span, barrier));
    }

    /// <summary>As above, for several keys.</summary>
    private async ValueTask<KvResult<ReadValues>> ReadKeysHereAsync(
        ShardId shard, IReadOnlyList<ReadOnlyMemory<byte>> keys, ReadOptions options, long answerBytesMax, long answerBy)
    {
        if (_replicas.Stopped(shard) is { } stopped) return ProposalErrors.Unavailable(stopped);
        ReadBarrier barrier = await _log.ReadBarrierAsync(shard, options, answerBy).ConfigureAwait(false);
        if (barrier.Error is { } refused) return refused;
        KvResult<ReadValues> read = ReadKeys(shard, keys, barrier, answerBytesMax);
        if (_log.Confirm(shard, barrier)) return read;
        barrier = await _log.ReadIndexAsync(shard, options, answerBy).ConfigureAwait(false);
        return barrier.Error is { } failed ? failed : ReadKeys(shard, keys, barrier, answerBytesMax);
    }

    private KvResult<ReadValues> ReadKeys(
        ShardId shard, IReadOnlyList<ReadOnlyMemory<byte>> keys, ReadBarrier barrier, long answerBytesMax)
    {
        var budget = new AnswerBudget(answerBytesMax);
        var outcomes = new OperationOutcome[keys.Count];
        for (int i = 0; i < outcomes.Length; i++)
        {
            ReadOnlyMemory<byte> key = keys[i];
            KvResult<GetResult> read = Guarded(() => Read(shard, key.Span, barrier));
            if (!read.TryGet(out GetResult found, out KvError? error)) return error;
            outcomes[i] = !budget.TryTake(found.Value.Length)
                ? new OperationOutcome(OutcomeStatus.NoRoom, found.Version)
                : new OperationOutcome(found.Found ? OutcomeStatus.Found : OutcomeStatus.Missing, found.Version, found.Value);
        }

        return new ReadValues(barrier.Served, barrier.StalenessMs, outcomes);
    }

    private async ValueTask<KvResult<ReadValues>> RouteReadAsync(
        ShardId shard, IReadOnlyList<ReadOnlyMemory<byte>> keys, ReadOptions options, long answerBytesMax, long answerBy,
        RequestContext context)
    {
        var tries = new RouteTries();
        KvError last = ProposalErrors.NoQuorum;
        byte[]? request = null;
        while (true)
        {
            long now = _time.GetTimestamp();
            if (EndOfTries(now, now, answerBy, isUnknown: false, context) is { } end) return RouteErrors.End(end, false, last);
            NodeNumber target = NextTarget(ref tries, shard);
            ReadAnswer answer;
            if (target.Value == 0)
            {
                answer = new ReadAnswer(last, default);
            }
            else if (target == Self)
            {
                answer = new ReadAnswer(
                    await ReadKeysHereAsync(shard, keys, options, answerBytesMax, ReadHereBy(now, answerBy)).ConfigureAwait(false),
                    OwnLeaderOf(shard));
            }
            else
            {
                request ??= new ForwardedRead(FirstHop, shard, options, answerBytesMax, keys).Encode();
                answer = await ReadThereAsync(target, request, keys.Count, tries.Asked, answerBy, context).ConfigureAwait(false);
                tries.NoteAsked();
            }

            if (answer.Result.TryGet(out ReadValues? values, out KvError? error)) return values;
            if (!RouteErrors.MayTryAgain(error)) return error;
            int pauseMs = tries.NoteFailed(target, answer.Leader);
            last = Settled(error, shard, tries.Heard);
            if (pauseMs > 0) await PauseAsync(pauseMs, answerBy, context.CancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<ReadAnswer> ReadThereAsync(
        NodeNumber target, byte[] request, int keys, int asked, long answerBy, RequestContext context)
    {
        long by = Math.Min(answerBy, _time.GetTimestamp() + TryLength(asked));
        PeerReply reply = await ForwardAsync(
            target, PeerMethod.Read, default, request, by, context.CancellationToken).ConfigureAwait(false);
        if (!reply.IsOk || ForwardedRead.TryReadAnswer(reply.Body, keys) is not { } answer)
        {
            return new ReadAnswer(RouteErrors.Of(reply, _directory.NameOf(target)), default);
        }

        return answer.Result.TryGet(out ReadValues? values, out _)
            ? new ReadAnswer(values with { ServedBy = target }, default)
            : answer;
    }

    /// <summary>A read that another node received: served by the leader, or by a replica for which less is enough.</summary>
    private async ValueTask<PeerReply> ServeReadAsync(PeerRequest request)
    {
        if (ForwardedRead.TryDecode(request.Body) is not { Hops: FirstHop } read || !HasShard(read.Shard))
        {
            return PeerReply.Refuse("a read that cannot be read");
        }

        KvError? refused = Unserving is { } reason ? ProposalErrors.Unavailable(reason)
            : !MayServe(read) ? ProposalErrors.NotLeader(read.Shard, null)
            : null;
        if (refused is not null) return PeerReply.Ok(ForwardedRead.Answer(refused, OwnLeaderOf(read.Shard)));
        KvResult<ReadValues> result = await ReadKeysHereAsync(
            read.Shard, read.Keys, read.Options, read.AnswerBytesMax, AnswerBefore(request.Deadline)).ConfigureAwait(false);
        return PeerReply.Ok(result.TryGet(out ReadValues? values, out KvError? error)
            ? ForwardedRead.Answer(values)
            : ForwardedRead.Answer(error, OwnLeaderOf(read.Shard)));
    }

    private bool MayServe(ForwardedRead read) => LeadsHere(read.Shard)
        || (read.Options.Consistency == Consistency.StaleOk && _log.Group(read.Shard) is { Published.HasCaughtUp: true });

    private KvMeta MetaOf(ReadValues values)
    {
        KvMeta meta = _metas.Of(values.Served);
        if (values.ServedBy.Value != 0) meta = meta with { ServedBy = _directory.NameOf(values.ServedBy) };
        return values.StalenessMs == 0 ? meta : meta with { StalenessMs = values.StalenessMs };
    }
}
