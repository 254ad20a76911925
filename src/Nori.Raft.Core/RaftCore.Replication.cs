using Nori.Core;

namespace Nori.Raft.Core;

// The leader's side of Raft §5.3 and §5.4.2, with the pipeline of dissertation §10.2.1.
public sealed partial class RaftCore
{
    private const long NoOpBytes = 16;

    // One per member but this replica, sorted by id; empty for others than leaders.
    private readonly List<Progress> _progress = [];
    private readonly Func<ReplicaId, ulong> _matchOf;
    private readonly Func<ReplicaId, bool?> _activeOf;
    private LogIndex _termStart;
    private bool _appendsDue;

    /// <summary>What the leader knows of its peers; empty for others.</summary>
    public IReadOnlyList<Progress> Peers => _progress;

    /// <summary>
    /// Appends entries that the driver holds. They go out with the next Ready; what is proposed before it is
    /// taken travels in the same append.
    /// </summary>
    /// <param name="count">How many; they get consecutive indexes.</param>
    /// <param name="bytes">What they take together.</param>
    public ProposeResult TryPropose(int count, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (Role != RaftRole.Leader) return new ProposeResult(ProposeStatus.NotLeader, default, _term, _leader);
        if (!_transferTarget.IsNone)
            return new ProposeResult(ProposeStatus.Transferring, default, _term, _transferTarget);
        long uncommitted = _sizes.Between(_commit, _log.LastIndex);
        if (uncommitted > 0 && uncommitted + bytes > _options.UncommittedBytesMax)
            return new ProposeResult(ProposeStatus.Overloaded, default, _term, _leader);
        if (_sleep != SleepState.Awake) WakeUp();

        LogIndex first = _log.LastIndex.Next;
        _log.Append(_term, (ulong)count);
        _sizes.Append(_log.LastIndex, bytes);
        _appendsDue = true;
        CheckInvariants();
        return new ProposeResult(ProposeStatus.Accepted, first, _term, Replica);
    }

    private Progress? FindProgress(ReplicaId id)
    {
        int low = 0, high = _progress.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            int order = _progress[middle].Id.CompareTo(id);
            if (order == 0) return _progress[middle];
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        return null;
    }

    private void TickLeader()
    {
        if (_sleep == SleepState.FallingAsleep)
        {
            TickFallingAsleep();
            return;
        }

        if (++_heartbeatElapsed >= _options.HeartbeatTicks)
        {
            _heartbeatElapsed = 0;
            _roundDue = true;
        }

        TickTransfer();
        if (Role != RaftRole.Leader || _electionElapsed < _options.ElectionTicksMin) return;
        _electionElapsed = 0;
        CheckQuorum();
    }

    // "a leader steps down if an election timeout elapses without a successful round of heartbeats to a
    // majority of its cluster" (dissertation §6.2).
    private void CheckQuorum()
    {
        if (Configuration.Quorum.Tally(_activeOf) != VoteResult.Won)
        {
            Emit(RaftEventKind.QuorumLost);
            BecomeFollower(_term, ReplicaId.None);
            return;
        }

        foreach (Progress peer in _progress) peer.RecentlyActive = false;
    }

    private StepResult StepLeader(in RaftMessage m)
    {
        if (m.Kind == MessageKind.ReadIndex) return StepReadIndex(m);
        // Two leaders in one term: cannot be, since a voter votes once in a term and the vote is durable.
        Invariant.Assert(m.Kind is not (MessageKind.Append or MessageKind.Heartbeat or MessageKind.Snapshot));
        if (FindProgress(m.From) is not { } peer) return StepResult.Ignored;
        peer.RecentlyActive = true;
        switch (m.Kind)
        {
            case MessageKind.AppendResponse:
                return m.IsRejected ? OnAppendRejected(peer, m) : OnAppendAccepted(peer, m);
            case MessageKind.HeartbeatResponse:
                return OnHeartbeatResponse(peer, m);
            case MessageKind.HibernateResponse:
                return OnHibernateResponse(peer, m);
            case MessageKind.Heal:
                return OnHeal(peer, m);
            default:
                return StepResult.Ignored;
        }
    }

    private StepResult OnAppendAccepted(Progress peer, in RaftMessage m)
    {
        if (m.Index > _log.LastIndex) return StepResult.Malformed;
        bool isNews = peer.OnAccepted(m.Index);
        if (peer.State == ProgressState.Probe && peer.Match == m.Index) peer.BecomeReplicate();
        else if (peer.State == ProgressState.Snapshot && peer.Match >= _log.BaseIndex) peer.BecomeReplicate();
        _appendsDue = true;
        if (isNews) AdvanceCommit();
        if (Role == RaftRole.Leader) ContinueTransfer(peer);
        return StepResult.Processed;
    }

    private StepResult OnAppendRejected(Progress peer, in RaftMessage m)
    {
        // Every place in a run of entries of a later term than the follower's is skipped at once (Raft §5.3,
        // "the protocol can be optimized to reduce the number of rejected AppendEntries RPCs").
        LogIndex hint = _log.LastNotAbove(m.HintIndex, m.HintTerm).Index;
        if (peer.OnRejected(m.Index, hint)) _appendsDue = true;
        return StepResult.Processed;
    }

    private StepResult OnHeartbeatResponse(Progress peer, in RaftMessage m)
    {
        if (m.Round > _round) return StepResult.Malformed;
        peer.AckedRound = Math.Max(peer.AckedRound, m.Round);
        peer.ProbeSent = false;
        if (peer.State == ProgressState.Replicate && peer.Inflight.IsFull) peer.Inflight.FreeFirst();
        if (peer.State != ProgressState.Snapshot && peer.Match < _log.LastIndex)
        {
            // What was pipelined may be lost; an append without entries finds out.
            peer.EmptyAppendDue = true;
            _appendsDue = true;
        }

        ConfirmRounds();
        return StepResult.Processed;
    }

    // "only log entries from the leader's current term are committed by counting replicas" (Raft §5.4.2).
    // This replica's own copy counts as far as it is durable, and is not needed when others make the quorum.
    private void AdvanceCommit()
    {
        if (Role != RaftRole.Leader) return;
        LogIndex reached = new(Configuration.Quorum.Reached(_matchOf));
        if (reached <= _commit || !_log.Matches(reached, _term)) return;
        _commit = reached;
        _appendsDue = true;
        OnCommitOfLeader();
    }

    // Sends what there is to send. Called once per Ready, so that everything proposed in between shares a
    // message.
    private void FlushAppends()
    {
        _appendsDue = false;
        foreach (Progress peer in _progress)
            while (TrySendAppend(peer))
            {
            }
    }

    private bool TrySendAppend(Progress peer)
    {
        if (peer.IsPaused) return false;
        LogIndex previous = peer.Next.Previous;
        if (!_log.TryGetTerm(previous, out Term previousTerm))
        {
            AskForSnapshot(peer);
            return false;
        }

        // A probe that is repeated asks for the place of agreement only: a peer whose disk stands still answers heartbeats, and would
        // get the same entries again with each.
        bool isRepeated = peer.State == ProgressState.Probe && peer.EmptyAppendDue;
        EntryRange entries = isRepeated ? EntryRange.Empty : RangeFrom(peer.Next);
        bool tellsCommit = peer.SentCommit < _commit && MustTellCommit(peer);
        bool hasReason = tellsCommit || peer.EmptyAppendDue || peer.State == ProgressState.Probe;
        if (entries.IsEmpty && !hasReason) return false;
        _messages.Add(NewMessage(peer.Id, MessageKind.Append) with
        {
            Index = previous, LogTerm = previousTerm, Entries = entries, Commit = _commit,
        });
        peer.Sent(entries);
        peer.SentCommit = _commit;
        peer.EmptyAppendDue = false;
        peer.WantsCommit = false;
        return true;
    }

    // That a configuration is committed is always told at once: a member that was voted out waits for it, and a leader that was
    // says it as its last word.
    private bool MustTellCommit(Progress peer) => _options.TellsCommitAtOnce || peer.WantsCommit
        || (ConfigurationIndex <= _commit && peer.SentCommit < ConfigurationIndex);

    private EntryRange RangeFrom(LogIndex first)
    {
        if (first > _log.LastIndex) return EntryRange.Empty;
        LogIndex last = LogIndex.Min(_log.LastIndex, first + (ulong)(_options.MessageEntriesMax - 1));
        return Describe(first, _sizes.Fit(first, last, _options.MessageBytesMax));
    }

    private void AskForSnapshot(Progress peer)
    {
        // A peer that does not answer gets none: it would only be made and thrown away.
        if (!peer.RecentlyActive) return;
        peer.BecomeSnapshot(_log.BaseIndex);
        _snapshotRequests.Add(new SnapshotRequest(peer.Id, _log.BaseIndex));
        Emit(RaftEventKind.SnapshotNeeded, peer.Id, _log.BaseIndex);
    }

    /// <summary>The driver is done with sending a snapshot.</summary>
    /// <param name="peer">To whom.</param>
    /// <param name="index">What it covered.</param>
    /// <param name="isDelivered">False when it did not get through; the peer is tried again after the next
    /// heartbeat.</param>
    public void ReportSnapshot(ReplicaId peer, LogIndex index, bool isDelivered)
    {
        if (FindProgress(peer) is not { State: ProgressState.Snapshot } progress) return;
        progress.BecomeSnapshot(isDelivered ? LogIndex.Min(index, _log.LastIndex) : default);
        progress.BecomeProbe();
        // Its own answer says whether it was installed; until then, or the next heartbeat's answer, nothing
        // is sent.
        progress.ProbeSent = true;
        CheckInvariants();
    }

    /// <summary>What a snapshot covers that was taken at an index; false where that is not known.</summary>
    /// <param name="index">An applied index, not before the base of the log.</param>
    /// <param name="meta">What goes along with the snapshot.</param>
    public bool TryDescribeSnapshot(LogIndex index, out SnapshotMeta? meta)
    {
        meta = null;
        if (index.Value == 0 || index > _emitted || !_log.TryGetTerm(index, out Term term)) return false;
        ConfigurationEntry configuration = ConfigurationAt(index);
        if (configuration.Configuration.Voters.Count == 0) return false;
        meta = new SnapshotMeta(index, term, configuration);
        return true;
    }

    /// <summary>
    /// The driver drops the log up to and with an index: forget it too. Keep as much as followers are behind,
    /// or they need snapshots.
    /// </summary>
    /// <returns>False when not all of that was handed out as committed yet; nothing is forgotten
    /// then.</returns>
    public bool TruncatePrefix(LogIndex index)
    {
        if (index > _emitted) return false;
        if (index <= _log.BaseIndex) return true;
        Invariant.Assert(index <= _log.LastIndex);
        _baseConfiguration = ConfigurationAt(index);
        _configurations.RemoveAll(c => c.Index <= index);
        _log.TruncatePrefix(index);
        _sizes.TruncatePrefix(index);
        CheckInvariants();
        return true;
    }
}
