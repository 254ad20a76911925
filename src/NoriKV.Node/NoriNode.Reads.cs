using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Requests;
using NoriKV.Node.Routing;
using NoriKV.Node.Tracing;
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
        RequestProbe? probe = Traced(context, RequestOperation.Get, shard);
        if (options.Consistency == Consistency.Bounded && !LeadsHere(shard))
        {
            await AskFreshnessAsync(shard, options, answerBy).ConfigureAwait(false);
        }

        if (MayReadHere(shard, options))
        {
            (KvResult<GetResult> here, ReadBarrier barrier) = await ReadHereAsync(
                shard, key, options, ReadHereBy(now, answerBy), probe).ConfigureAwait(false);
            if (here.Error is not { } failed || !RouteErrors.MayTryAgain(failed) || _time.GetTimestamp() >= answerBy)
            {
                NoteRead(probe, RequestOperation.Get, shard, barrier, now, here.Error);
                return here;
            }
        }

        KvResult<ReadValues> routed = await RouteReadAsync(
            shard, [key], options, long.MaxValue, now, answerBy, context, probe).ConfigureAwait(false);
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

        RequestProbe? probe = Traced(context, RequestOperation.Batch, shard);
        if (MayReadHere(shard, options))
        {
            (KvResult<ReadValues> here, ReadBarrier barrier) = await ReadKeysHereAsync(
                shard, keys, options, answerBytesMax, ReadHereBy(now, answerBy), probe).ConfigureAwait(false);
            if (here.Error is not { } failed || !RouteErrors.MayTryAgain(failed) || _time.GetTimestamp() >= answerBy)
            {
                NoteRead(probe, RequestOperation.Batch, shard, barrier, now, here.Error);
                return here;
            }
        }

        return await RouteReadAsync(
            shard, keys, options, answerBytesMax, now, answerBy, context, probe).ConfigureAwait(false);
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
    private async ValueTask<(KvResult<GetResult> Result, ReadBarrier Barrier)> ReadHereAsync(
        ShardId shard, ReadOnlyMemory<byte> key, ReadOptions options, long answerBy, RequestProbe? probe)
    {
        if (_replicas.Stopped(shard) is { } stopped) return (StoppedHere(stopped), default);
        Tell(probe, StageNames.Route);
        ReplicaId replica = _replicas.ReplicaOf(shard);
        ReadBarrier barrier = await _log.ReadBarrierAsync(shard, options, answerBy).ConfigureAwait(false) with { Replica = replica };
        Tell(probe, barrier);
        if (barrier.Error is { } refused) return (refused, barrier);
        KvResult<GetResult> read = Guarded(() => Read(shard, key.Span, barrier));
        Tell(probe, StageNames.Lookup);
        if (_log.Confirm(shard, barrier)) return (read, barrier);
        barrier = await _log.ReadIndexAsync(shard, options, answerBy).ConfigureAwait(false) with { Replica = replica };
        Tell(probe, barrier);
        if (barrier.Error is { } failed) return (failed, barrier);
        read = Guarded(() => Read(shard, key.Span, barrier));
        Tell(probe, StageNames.Lookup);
        return (read, barrier);
    }

    /// <summary>As above, for several keys.</summary>
    private async ValueTask<(KvResult<ReadValues> Result, ReadBarrier Barrier)> ReadKeysHereAsync(
        ShardId shard, IReadOnlyList<ReadOnlyMemory<byte>> keys, ReadOptions options, long answerBytesMax, long answerBy,
        RequestProbe? probe)
    {
        if (_replicas.Stopped(shard) is { } stopped) return (StoppedHere(stopped), default);
        Tell(probe, StageNames.Route);
        ReplicaId replica = _replicas.ReplicaOf(shard);
        ReadBarrier barrier = await _log.ReadBarrierAsync(shard, options, answerBy).ConfigureAwait(false) with { Replica = replica };
        Tell(probe, barrier);
        if (barrier.Error is { } refused) return (refused, barrier);
        KvResult<ReadValues> read = ReadKeys(shard, keys, barrier, answerBytesMax);
        Tell(probe, StageNames.Lookup);
        if (_log.Confirm(shard, barrier)) return (read, barrier);
        barrier = await _log.ReadIndexAsync(shard, options, answerBy).ConfigureAwait(false) with { Replica = replica };
        Tell(probe, barrier);
        if (barrier.Error is { } failed) return (failed, barrier);
        read = ReadKeys(shard, keys, barrier, answerBytesMax);
        Tell(probe, StageNames.Lookup);
        return (read, barrier);
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
        ShardId shard, IReadOnlyList<ReadOnlyMemory<byte>> keys, ReadOptions options, long answerBytesMax, long received,
        long answerBy, RequestContext context, RequestProbe? probe)
    {
        RequestOperation operation = keys.Count == 1 ? RequestOperation.Get : RequestOperation.Batch;
        var tries = new RouteTries();
        KvError last = ProposalErrors.NoQuorum;
        byte[]? request = null;
        while (true)
        {
            long now = _time.GetTimestamp();
            if (EndOfTries(now, now, answerBy, isUnknown: false, context) is { } end)
            {
                KvError ended = RouteErrors.End(end, false, last);
                NoteIfSlow(probe, operation, shard, received, ended);
                return ended;
            }

            NodeNumber target = NextTarget(ref tries, shard);
            ReadAnswer answer;
            if (target.Value == 0)
            {
                answer = new ReadAnswer(last, default);
            }
            else if (target == Self)
            {
                (KvResult<ReadValues> here, _) = await ReadKeysHereAsync(
                    shard, keys, options, answerBytesMax, ReadHereBy(now, answerBy), probe).ConfigureAwait(false);
                answer = new ReadAnswer(here, OwnLeaderOf(shard));
            }
            else
            {
                request ??= new ForwardedRead(FirstHop, shard, options, answerBytesMax, keys).Encode();
                answer = await ReadThereAsync(
                    target, request, keys.Count, tries.Asked, answerBy, context, probe).ConfigureAwait(false);
                tries.NoteAsked();
            }

            probe = ToldTry(probe, operation, shard, received, now, target, answer.Result.Error);
            if (answer.Result.TryGet(out _, out KvError? error) || !RouteErrors.MayTryAgain(error))
            {
                NoteIfSlow(probe, operation, shard, received, error);
                return answer.Result;
            }

            int pauseMs = tries.NoteFailed(target, answer.Leader);
            last = Settled(error, shard, tries.Heard);
            if (pauseMs == 0) continue;
            await PauseAsync(pauseMs, answerBy, context.CancellationToken).ConfigureAwait(false);
            Tell(probe, StageNames.Pause);
        }
    }

    private async ValueTask<ReadAnswer> ReadThereAsync(
        NodeNumber target, byte[] request, int keys, int asked, long answerBy, RequestContext context, RequestProbe? probe)
    {
        long by = Math.Min(answerBy, _time.GetTimestamp() + TryLength(asked));
        PeerReply reply;
        RemoteTrace? told = null;
        if (probe is null)
        {
            reply = await ForwardAsync(
                target, PeerMethod.Read, default, request, by, context.CancellationToken).ConfigureAwait(false);
        }
        else
        {
            (reply, told) = await ForwardTracedAsync(
                target, PeerMethod.Read, request, by, probe, context.CancellationToken).ConfigureAwait(false);
        }

        ReadAnswer? answer = reply.IsOk ? ForwardedRead.TryReadAnswer(reply.Body, keys) : null;
        answer ??= new ReadAnswer(RouteErrors.Of(reply, _directory.NameOf(target)), default);
        probe?.AddCall(NameOf(target), _time.GetTimestamp(), told, answer.Result.Error?.Code.ToLabel() ?? "");
        return answer.Result.TryGet(out ReadValues? values, out _)
            ? new ReadAnswer(values with { ServedBy = target }, default)
            : answer;
    }

    /// <summary>A read that another node received: served by the leader, or by a replica for which less is enough.</summary>
    private async ValueTask<PeerReply> ServeReadAsync(PeerRequest request, RequestProbe? probe)
    {
        if (ForwardedRead.TryDecode(request.Body) is not { Hops: FirstHop } read || !HasShard(read.Shard))
        {
            return PeerReply.Refuse("a read that cannot be read");
        }

        KvError? refused = Unserving is { } reason ? ProposalErrors.Unavailable(reason)
            : !MayServe(read) ? ProposalErrors.NotLeader(read.Shard, null)
            : null;
        if (refused is not null) return PeerReply.Ok(ForwardedRead.Answer(refused, OwnLeaderOf(read.Shard)));
        long began = _time.GetTimestamp();
        (KvResult<ReadValues> result, ReadBarrier barrier) = await ReadKeysHereAsync(
            read.Shard, read.Keys, read.Options, read.AnswerBytesMax, AnswerBefore(request.Deadline), probe).ConfigureAwait(false);
        RequestOperation operation = read.Keys.Count == 1 ? RequestOperation.Get : RequestOperation.Batch;
        if (probe is not null) Named(probe, operation, read.Shard);
        NoteRead(probe, operation, read.Shard, barrier, began, result.Error, request.From);
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
