using Nori.Core;

namespace Nori.Raft.Core;

// The follower's side of Raft §5.3 and §7.
public sealed partial class RaftCore
{
    // The newest round of the leader of this term that was seen: an older Hibernate is a late one.
    private ulong _roundSeen;

    // The log is known to equal the leader's, the one of this term, up to here.
    private LogIndex _matchedThrough;

    private StepResult StepFollower(in RaftMessage m)
    {
        if (IsFromLeader(m.Kind))
        {
            // A sleeper, or one that lost sight of its leader, learns of it from any of its messages.
            Invariant.Assert(_leader.IsNone || _leader == m.From);
            if (_leader.IsNone) BecomeFollower(m.Term, m.From);
            if (m.Kind is not (MessageKind.Hibernate or MessageKind.HealResponse) && !IsLateHeartbeat(m)) WakeUp();
            _electionElapsed = 0;
            _sinceLeader = 0;
            _isWokenByVote = false;
        }

        switch (m.Kind)
        {
            case MessageKind.Append:
                OnAppend(m);
                return StepResult.Processed;
            case MessageKind.Heartbeat:
                OnHeartbeat(m);
                return StepResult.Processed;
            case MessageKind.Snapshot:
                OnSnapshot(m);
                return StepResult.Processed;
            case MessageKind.TimeoutNow:
                return OnTimeoutNow();
            case MessageKind.ReadIndexResponse:
                return OnReadIndexResponse(m);
            case MessageKind.Hibernate:
                return OnHibernate(m);
            case MessageKind.HealResponse:
                return OnHealResponse(m);
            case MessageKind.ReadIndex:
                RejectRead(m);
                return StepResult.Processed;
            default:
                return StepResult.Ignored;
        }
    }

    private void OnAppend(in RaftMessage m)
    {
        AskToHeal();
        if (m.Index < _commit)
        {
            // Old news: what is committed is held. Says so as far as it goes.
            AcceptThrough(_commit);
            return;
        }

        if (!_log.Matches(m.Index, m.LogTerm))
        {
            (LogIndex hint, Term hintTerm) = _log.LastNotAbove(LogIndex.Min(m.Index, _log.LastIndex), m.LogTerm);
            Send(m, MessageKind.AppendResponse, (r, append) => r with
            {
                Index = append.Index, IsRejected = true, HintIndex = hint, HintTerm = hintTerm,
            });
            return;
        }

        LogIndex last = m.Entries.IsEmpty ? m.Index : m.Entries.Last;
        AppendNew(m.Entries);
        _matchedThrough = LogIndex.Max(_matchedThrough, last);
        CommitThrough(LogIndex.Min(m.Commit, last));
        AcceptThrough(last);
    }

    // The response leaves once everything up to here is durable.
    private void AcceptThrough(LogIndex index) =>
        _afterPersist.Add(NewMessage(_leader, MessageKind.AppendResponse) with { Index = index });

    // "If an existing entry conflicts with a new one (same index but different terms), delete the existing
    // entry and all that follow it. Append any new entries not already in the log" (Raft figure 2). An entry
    // that does not conflict stays, and so does what stands behind it: the append may be an old one.
    private void AppendNew(EntryRange entries)
    {
        if (entries.IsEmpty) return;
        LogIndex first = entries.First;
        while (first <= entries.Last && first <= _log.LastIndex && _log.Matches(first, entries.TermAt(first)))
            first = first.Next;
        if (first > entries.Last) return;
        if (first <= _log.LastIndex) TruncateSuffix(first);

        double share = (double)(entries.Last - first + 1) / entries.Count;
        AppendTo(_log, entries, first);
        _sizes.Append(entries.Last, (long)(entries.Bytes * share));
        foreach (ConfigurationEntry entry in entries.Configurations)
            if (entry.Index >= first) AddConfiguration(entry);
    }

    private static void AppendTo(TermSpans log, EntryRange entries, LogIndex first)
    {
        for (int i = 0; i < entries.Terms.Count; i++)
        {
            LogIndex last = i + 1 < entries.Terms.Count ? entries.Terms[i + 1].First.Previous : entries.Last;
            LogIndex from = LogIndex.Max(first, entries.Terms[i].First);
            if (from <= last) log.Append(entries.Terms[i].Term, last - from + 1);
        }
    }

    private void TruncateSuffix(LogIndex from)
    {
        Invariant.Assert(from > _commit);
        _log.TruncateSuffix(from);
        _sizes.TruncateSuffix(from);
        _unstable = LogIndex.Min(_unstable, from);
        // A write still under way may have covered what is cut off: it makes durable only what stands before.
        _durable = LogIndex.Min(_durable, from.Previous);
        foreach (PendingReady pending in _pendingReadies) pending.Last = LogIndex.Min(pending.Last, from.Previous);
        UndoConfigurations(from);
    }

    private void CommitThrough(LogIndex index)
    {
        if (index <= _commit) return;
        Invariant.Assert(index <= _log.LastIndex);
        _commit = index;
    }

    private bool IsLateHeartbeat(in RaftMessage m) => m.Kind == MessageKind.Heartbeat && m.Round <= _roundSeen;

    private void OnHeartbeat(in RaftMessage m)
    {
        NoteLoss(m.Commit);
        AskToHeal();
        _roundSeen = Math.Max(_roundSeen, m.Round);
        // The leader says at most what it knows this replica to hold; one that lost part of that waits for
        // it.
        if (m.Commit <= (_damaged ? _matchedThrough : _log.LastIndex)) CommitThrough(m.Commit);
        Send(m, MessageKind.HeartbeatResponse, (r, heartbeat) => r with { Round = heartbeat.Round });
    }

    /// <summary>
    /// Whether a snapshot would be of use: ask before taking a stream of one, and again when it is through.
    /// </summary>
    public bool NeedsSnapshot(SnapshotMeta meta) => meta.Index > _commit && !_log.Matches(meta.Index, meta.Term);

    private void OnSnapshot(in RaftMessage m)
    {
        SnapshotMeta meta = m.Snapshot!;
        if (meta.Index <= _commit)
        {
            AcceptThrough(_commit);
            return;
        }

        if (_log.Matches(meta.Index, meta.Term))
        {
            // "entries following the snapshot are still valid and must be retained" (Raft §7): the log holds all that
            // the snapshot does.
            CommitThrough(meta.Index);
            _matchedThrough = LogIndex.Max(_matchedThrough, meta.Index);
            AcceptThrough(meta.Index);
            return;
        }

        Restore(meta);
        AcceptThrough(meta.Index);
    }

    private void Restore(SnapshotMeta meta)
    {
        _log.Reset(meta.Index, meta.Term);
        _sizes.Reset(meta.Index);
        foreach (PendingReady pending in _pendingReadies) pending.Last = default;
        _durable = default;
        _unstable = meta.Index.Next;
        (_commit, _emitted) = (meta.Index, meta.Index);
        _matchedThrough = LogIndex.Max(_matchedThrough, meta.Index);
        _pendingSnapshot = meta;
        _configurations.Clear();
        _baseConfiguration = meta.Configuration;
        FollowConfiguration();
        Emit(RaftEventKind.SnapshotAccepted, _leader, meta.Index);
    }
}
