using NoriKV.Node.Entries;
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

/// <summary>Writes: proposed here where this node leads, otherwise by whoever leads, through elections (docs/routing.md).</summary>
public sealed partial class NoriNode
{
    private const byte FirstHop = 1;

    private readonly NodeSessions _sessions;
    private readonly Admission _routed;

    /// <summary>Proposes an entry of one shard where its leader is; answered when it is applied there.</summary>
    private async ValueTask<KvResult<EntryOutcome>> ProposeAsync(
        ShardId shard, EntrySession session, EntryOperation[] operations, RequestContext context)
    {
        if (Unserving is { } reason) return ProposalErrors.Unavailable(reason);
        long now = _time.GetTimestamp();
        if (DeadlineRules.Check(now, context) is { } late) return late;
        long answerBy = _deadlines.AnswerBy(now, context.Deadline);
        RequestOperation operation = OperationOf(operations);
        RequestProbe? probe = Traced(context, operation, shard);
        if (LeadsHere(shard))
        {
            Proposal proposal = NewProposal(
                shard, EntryWriter.Encode(session, operations), answerBy, probe, context.CancellationToken);
            KvResult<EntryOutcome> here = await ProposeHereAsync(proposal).ConfigureAwait(false);
            probe = IfSlow(probe, operation, shard, now);
            Tell(probe, proposal);
            if (here.Error is not { } error || !MayBeElsewhere(error) || _time.GetTimestamp() >= answerBy)
            {
                if (here.TryGet(out EntryOutcome? outcome, out _) && outcome.Refusal is { } refusal) here = refusal;
                if (probe is not null) NoteIfSlow(probe, operation, shard, now, here.Error);
                return here;
            }
        }

        return await RouteWriteAsync(shard, session, operations, now, answerBy, context, probe).ConfigureAwait(false);
    }

    private static RequestOperation OperationOf(EntryOperation[] operations) => operations switch
    {
        [{ Kind: OperationKind.Put }] => RequestOperation.Put,
        [{ Kind: OperationKind.Delete }] => RequestOperation.Delete,
        _ => RequestOperation.Batch,
    };

    /// <summary>
    /// A write that is not this node's to propose, or was not. One without a key gets a session of this process: whatever becomes
    /// of a try, another one is not done twice.
    /// </summary>
    private async ValueTask<KvResult<EntryOutcome>> RouteWriteAsync(
        ShardId shard, EntrySession session, EntryOperation[] operations, long received, long answerBy, RequestContext context,
        RequestProbe? probe)
    {
        // A session is told from one of another life by the epoch.
        if (!_parts.Directory.IsSaved && _diskFull is { } full) return ProposalErrors.Overloaded(full, TimeSpan.FromSeconds(1));
        bool isOwn = session.Kind == SessionKind.None;
        while (isOwn && !_sessions.TryBegin(shard, out session))
        {
            if (_time.GetTimestamp() >= answerBy) return RouteErrors.SessionFull(shard);
            if (!await PauseAsync(RouteErrors.SessionPauseMs, answerBy, context.CancellationToken).ConfigureAwait(false)) break;
        }

        if (session.Kind == SessionKind.None) return ProposalErrors.Cancelled;
        byte[] envelope = EntryWriter.Encode(session, operations);
        KvError? overloaded = _routed.TryEnter(envelope.Length);
        try
        {
            if (overloaded is not null) return overloaded;
            KvResult<EntryOutcome> result = await TryWriteAsync(
                shard, envelope, operations, received, answerBy, context, probe).ConfigureAwait(false);
            // That an earlier try of this node was the one that did it is nothing to its caller.
            return isOwn && result.TryGet(out EntryOutcome? outcome, out _) && outcome.Replay != ReplayKind.None
                ? outcome with { Replay = ReplayKind.None }
                : result;
        }
        finally
        {
            if (overloaded is null) _routed.Exit(envelope.Length);
            if (isOwn) _sessions.End(shard, session);
        }
    }

    private async ValueTask<KvResult<EntryOutcome>> TryWriteAsync(
        ShardId shard, byte[] envelope, EntryOperation[] operations, long received, long answerBy, RequestContext context,
        RequestProbe? probe)
    {
        RequestOperation operation = OperationOf(operations);
        var tries = new RouteTries();
        KvError last = ProposalErrors.NoQuorum;
        bool isUnknown = false;
        long began = _time.GetTimestamp();
        while (true)
        {
            long now = _time.GetTimestamp();
            if (EndOfTries(now, began, answerBy, isUnknown, context) is { } end)
            {
                KvError ended = RouteErrors.End(end, isUnknown, last);
                NoteIfSlow(probe, operation, shard, received, ended);
                return ended;
            }

            NodeNumber target = NextTarget(ref tries, shard);
            WriteAnswer answer = target.Value == 0 ? new WriteAnswer(last, default, false, true)
                : target == Self ? await WriteHereAsync(shard, envelope, answerBy, context, probe).ConfigureAwait(false)
                : await WriteThereAsync(
                    target, shard, envelope, operations.Length, tries.Asked, answerBy, context, probe).ConfigureAwait(false);
            probe = ToldTry(probe, operation, shard, received, now, target, answer.Result.Error);
            if (answer.Result.TryGet(out EntryOutcome? outcome, out KvError? error))
            {
                NoteIfSlow(probe, operation, shard, received, outcome.Refusal);
                return outcome.Refusal is { } refusal ? refusal : outcome;
            }

            if (answer.IsFinal || (!RouteErrors.MayTryAgain(error) && !(isUnknown && error.Code == KvCode.Overloaded)))
            {
                NoteIfSlow(probe, operation, shard, received, error);
                return isUnknown ? ProposalErrors.DeadlineBehindProposed : error;
            }

            isUnknown |= error.Code == KvCode.CommitTimeout;
            if (target != Self) tries.NoteAsked();
            int pauseMs = tries.NoteFailed(target, answer.Leader);
            last = Settled(error, shard, tries.Heard);
            if (pauseMs == 0) continue;
            await PauseAsync(pauseMs, answerBy, context.CancellationToken).ConfigureAwait(false);
            Tell(probe, StageNames.Pause);
        }
    }

    private async ValueTask<WriteAnswer> WriteHereAsync(
        ShardId shard, byte[] envelope, long answerBy, RequestContext context, RequestProbe? probe)
    {
        // A copy: the log stamps what it takes, and there may be another try.
        Proposal proposal = NewProposal(shard, [.. envelope], answerBy, probe, context.CancellationToken);
        KvResult<EntryOutcome> result = await ProposeHereAsync(proposal).ConfigureAwait(false);
        Tell(probe, proposal);
        return new WriteAnswer(result, OwnLeaderOf(shard), result.Error is { } error && !MayBeElsewhere(error), true);
    }

    private async ValueTask<WriteAnswer> WriteThereAsync(
        NodeNumber target, ShardId shard, byte[] envelope, int operations, int asked, long answerBy, RequestContext context,
        RequestProbe? probe)
    {
        long by = Math.Min(answerBy, _time.GetTimestamp() + TryLength(asked));
        PeerReply reply;
        RemoteTrace? told = null;
        if (probe is null)
        {
            reply = await SendWriteAsync(target, shard, envelope, by, context.CancellationToken).ConfigureAwait(false);
        }
        else
        {
            byte[] body = new byte[ForwardedWrite.HeadBytes + envelope.Length];
            ForwardedWrite.WriteHead(body, FirstHop, shard);
            envelope.CopyTo(body, ForwardedWrite.HeadBytes);
            (reply, told) = await ForwardTracedAsync(
                target, PeerMethod.Write, body, by, probe, context.CancellationToken).ConfigureAwait(false);
        }

        WriteAnswer? answer = reply.IsOk ? ForwardedWrite.TryReadAnswer(reply.Body, operations) : null;
        answer ??= new WriteAnswer(RouteErrors.Of(reply, _directory.NameOf(target)), default, false, true);
        probe?.AddCall(NameOf(target), _time.GetTimestamp(), told, answer.Result.Error?.Code.ToLabel() ?? "");
        return answer;
    }

    private ValueTask<PeerReply> SendWriteAsync(
        NodeNumber target, ShardId shard, byte[] envelope, long by, CancellationToken cancellationToken)
    {
        Span<byte> head = stackalloc byte[ForwardedWrite.HeadBytes];
        ForwardedWrite.WriteHead(head, FirstHop, shard);
        return ForwardAsync(target, PeerMethod.Write, head, envelope, by, cancellationToken);
    }

    /// <summary>
    /// A write that another node received. It is proposed here or refused with who leads: a request is forwarded once, and the
    /// node that received it looks further.
    /// </summary>
    private async ValueTask<PeerReply> ServeWriteAsync(PeerRequest request, RequestProbe? probe)
    {
        if (!ForwardedWrite.TryRead(request.Body, out byte hops, out ShardId shard, out ReadOnlyMemory<byte> envelope)
            || hops != FirstHop || !HasShard(shard))
        {
            return PeerReply.Refuse("a write that cannot be read");
        }

        KvError? refused = Unserving is { } reason ? ProposalErrors.Unavailable(reason)
            : !LeadsHere(shard) ? ProposalErrors.NotLeader(shard, null)
            : null;
        if (refused is not null) return PeerReply.Ok(ForwardedWrite.Answer(refused, OwnLeaderOf(shard), isFinal: false));
        long began = _time.GetTimestamp();
        Proposal proposal = NewProposal(
            shard, envelope.ToArray(), AnswerBefore(request.Deadline), probe, request.CancellationToken);
        KvResult<EntryOutcome> result = await ProposeHereAsync(proposal).ConfigureAwait(false);
        NoteForwarded(probe, proposal, request.From, began, result.Error);
        if (!result.TryGet(out EntryOutcome? outcome, out KvError? error))
        {
            return PeerReply.Ok(ForwardedWrite.Answer(error, OwnLeaderOf(shard), isFinal: false));
        }

        return PeerReply.Ok(outcome.Refusal is { } refusal
            ? ForwardedWrite.Answer(refusal, default, isFinal: true)
            : ForwardedWrite.Answer(outcome, isSynced: _writeMeta.Durability is null));
    }

    /// <summary>
    /// Into this node's log. While nobody knows who leads it waits a while; what is answered NOT_LEADER or QUORUM_UNAVAILABLE was
    /// not done.
    /// </summary>
    private async ValueTask<KvResult<EntryOutcome>> ProposeHereAsync(Proposal proposal)
    {
        if (_replicas.Stopped(proposal.Shard) is { } stopped) return ProposalErrors.Unavailable(stopped);
        if (_diskFull is { } full) return ProposalErrors.Overloaded(full, TimeSpan.FromSeconds(1));
        if (_log.TryPropose(proposal) is { } error) return error;
        if (_watch.Add(proposal)) _loop?.WakeTicks();
        // A failure or the end may have passed between the look above and the watch: then nobody else would answer.
        if ((_failure.Reason ?? Volatile.Read(ref _closed)) is { } failed)
        {
            proposal.TryFail(ProposalErrors.Unavailable(failed), ProposalErrors.OutcomeUnknown(failed));
        }

        return await proposal.Outcome.ConfigureAwait(false);
    }

    private Proposal NewProposal(
        ShardId shard, byte[] envelope, long answerBy, RequestProbe? probe, CancellationToken cancellationToken)
    {
        long now = _time.GetTimestamp();
        return new Proposal(shard, envelope, now, answerBy, _completions, cancellationToken)
        {
            Probe = probe,
            QueuedBy = HasPeers ? Math.Min(answerBy, now + _parkLength) : answerBy,
        };
    }
}
