using Nori.Observe;
using NoriKV.Node.Entries;
using NoriKV.Node.Machine;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Requests;
using NoriKV.Node.Routing;
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
        if (!LeadsHere(shard)) return await RouteWriteAsync(shard, session, operations, answerBy, context).ConfigureAwait(false);
        KvResult<EntryOutcome> here = await ProposeHereAsync(
            shard, EntryWriter.Encode(session, operations), answerBy, context.CancellationToken, context.Span).ConfigureAwait(false);
        return here.Error is { } error && MayBeElsewhere(error) && _time.GetTimestamp() < answerBy
            ? await RouteWriteAsync(shard, session, operations, answerBy, context).ConfigureAwait(false)
            : here.TryGet(out EntryOutcome? outcome, out _) && outcome.Refusal is { } refusal ? refusal : here;
    }

    /// <summary>
    /// A write that is not this node's to propose, or was not. One without a key gets a session of this process: whatever becomes
    /// of a try, another one is not done twice.
    /// </summary>
    private async ValueTask<KvResult<EntryOutcome>> RouteWriteAsync(
        ShardId shard, EntrySession session, EntryOperation[] operations, long answerBy, RequestContext context)
    {
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
                shard, envelope, operations.Length, answerBy, context).ConfigureAwait(false);
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
        ShardId shard, byte[] envelope, int operations, long answerBy, RequestContext context)
    {
        var tries = new RouteTries();
        KvError last = ProposalErrors.NoQuorum;
        bool isUnknown = false;
        long began = _time.GetTimestamp();
        while (true)
        {
            long now = _time.GetTimestamp();
            if (EndOfTries(now, began, answerBy, isUnknown, context) is { } end) return RouteErrors.End(end, isUnknown, last);
            NodeNumber target = NextTarget(ref tries, shard);
            WriteAnswer answer = target.Value == 0 ? new WriteAnswer(last, default, false, true)
                : target == Self ? await WriteHereAsync(shard, envelope, answerBy, context).ConfigureAwait(false)
                : await WriteThereAsync(target, shard, envelope, operations, tries.Asked, answerBy, context).ConfigureAwait(false);
            if (answer.Result.TryGet(out EntryOutcome? outcome, out KvError? error))
            {
                return outcome.Refusal is { } refusal ? refusal : outcome;
            }

            if (answer.IsFinal || (!RouteErrors.MayTryAgain(error) && !(isUnknown && error.Code == KvCode.Overloaded)))
            {
                return isUnknown ? ProposalErrors.DeadlineBehindProposed : error;
            }

            isUnknown |= error.Code == KvCode.CommitTimeout;
            if (target != Self) tries.NoteAsked();
            int pauseMs = tries.NoteFailed(target, answer.Leader);
            last = Settled(error, shard, tries.Heard);
            if (pauseMs > 0) await PauseAsync(pauseMs, answerBy, context.CancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<WriteAnswer> WriteHereAsync(
        ShardId shard, byte[] envelope, long answerBy, RequestContext context)
    {
        // A copy: the log stamps what it takes, and there may be another try.
        KvResult<EntryOutcome> result = await ProposeHereAsync(
            shard, [.. envelope], answerBy, context.CancellationToken, context.Span).ConfigureAwait(false);
        return new WriteAnswer(result, OwnLeaderOf(shard), result.Error is { } error && !MayBeElsewhere(error), true);
    }

    private async ValueTask<WriteAnswer> WriteThereAsync(
        NodeNumber target, ShardId shard, byte[] envelope, int operations, int asked, long answerBy, RequestContext context)
    {
        long began = _time.GetTimestamp();
        PeerReply reply = await SendWriteAsync(
            target, shard, envelope, Math.Min(answerBy, _time.GetTimestamp() + TryLength(asked)), context.CancellationToken)
            .ConfigureAwait(false);
        context.Span?.AddStage("forward", began, _time.GetTimestamp());
        if (reply.IsOk && ForwardedWrite.TryReadAnswer(reply.Body, operations) is { } answer) return answer;
        return new WriteAnswer(RouteErrors.Of(reply, _directory.NameOf(target)), default, false, true);
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
    private async ValueTask<PeerReply> ServeWriteAsync(PeerRequest request)
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
        KvResult<EntryOutcome> result = await ProposeHereAsync(
            shard, envelope.ToArray(), AnswerBefore(request.Deadline), request.CancellationToken).ConfigureAwait(false);
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
    private async ValueTask<KvResult<EntryOutcome>> ProposeHereAsync(
        ShardId shard, byte[] envelope, long answerBy, CancellationToken cancellationToken, Span? span = null)
    {
        if (_replicas.Stopped(shard) is { } stopped) return ProposalErrors.Unavailable(stopped);
        if (_diskFull is { } full) return ProposalErrors.Overloaded(full, TimeSpan.FromSeconds(1));
        long now = _time.GetTimestamp();
        var proposal = new Proposal(shard, envelope, now, answerBy, _completions, cancellationToken)
        {
            Span = span,
            QueuedBy = HasPeers ? Math.Min(answerBy, now + _parkLength) : answerBy,
        };
        if (_log.TryPropose(proposal) is { } error) return error;
        if (_watch.Add(proposal)) _loop?.WakeTicks();
        // A failure or the end may have passed between the look above and the watch: then nobody else would answer.
        if ((_failure.Reason ?? Volatile.Read(ref _closed)) is { } failed)
        {
            proposal.TryFail(ProposalErrors.Unavailable(failed), ProposalErrors.OutcomeUnknown(failed));
        }

        return await proposal.Outcome.ConfigureAwait(false);
    }
}
