using Nori.Core;

namespace Nori.Raft.Core;

/// <summary>
/// What a leader knows of one peer (Raft figure 2: nextIndex and matchIndex), and what it may send next.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class Progress
{
    /// <summary>A peer of which nothing is known.</summary>
    /// <param name="id">The peer.</param>
    /// <param name="next">The first entry to try.</param>
    /// <param name="window">The bounds of the pipeline.</param>
    public Progress(ReplicaId id, LogIndex next, InflightWindow window)
    {
        (Id, Next, Inflight) = (id, next, window);
    }

    /// <summary>The peer.</summary>
    public ReplicaId Id { get; }

    /// <summary>The peer holds the leader's log up to here, durably.</summary>
    public LogIndex Match { get; private set; }

    /// <summary>The next entry to send.</summary>
    public LogIndex Next { get; private set; }

    /// <summary>How entries are sent.</summary>
    public ProgressState State { get; private set; }

    /// <summary>The appends on their way.</summary>
    public InflightWindow Inflight { get; }

    /// <summary>The snapshot that the peer is getting; 0 when its index is not known yet.</summary>
    public LogIndex PendingSnapshot { get; private set; }

    /// <summary>True when the peer was heard from in this window of check-quorum.</summary>
    public bool RecentlyActive { get; internal set; }

    /// <summary>The newest round that the peer confirmed in this term.</summary>
    public ulong AckedRound { get; internal set; }

    /// <summary>True when nothing may be sent until an answer or a heartbeat's answer comes.</summary>
    public bool IsPaused => State switch
    {
        ProgressState.Probe => ProbeSent,
        ProgressState.Replicate => Inflight.IsFull,
        _ => true,
    };

    // The commit index last told to the peer.
    internal LogIndex SentCommit { get; set; }

    // It reads, and waits for what is committed.
    internal bool WantsCommit { get; set; }

    // Send even without entries: finds out whether what was pipelined arrived.
    internal bool EmptyAppendDue { get; set; }

    internal bool ProbeSent { get; set; }

    // Acknowledged the hibernation under way.
    internal bool SleepAcked { get; set; }

    /// <summary>Looks for the place of agreement again, from the last one known on.</summary>
    public void BecomeProbe()
    {
        LogIndex next = Match.Next;
        if (State == ProgressState.Snapshot) next = LogIndex.Max(next, PendingSnapshot.Next);
        (State, Next, ProbeSent, PendingSnapshot) = (ProgressState.Probe, next, false, default);
        Inflight.Clear();
    }

    /// <summary>The place of agreement is known: pipelines.</summary>
    public void BecomeReplicate()
    {
        (State, Next, ProbeSent, PendingSnapshot) = (ProgressState.Replicate, Match.Next, false, default);
        Inflight.Clear();
    }

    /// <summary>Waits for a snapshot to get through.</summary>
    public void BecomeSnapshot(LogIndex index)
    {
        (State, ProbeSent, PendingSnapshot) = (ProgressState.Snapshot, false, index);
        Inflight.Clear();
    }

    /// <summary>An append went out.</summary>
    public void Sent(EntryRange range)
    {
        if (State == ProgressState.Probe) ProbeSent = true;
        if (State != ProgressState.Replicate || range.IsEmpty) return;
        Invariant.Assert(range.First == Next);
        Next = range.Last.Next;
        Inflight.Add(range.Last, range.Bytes);
    }

    /// <summary>The peer holds the log up to a place; true when that was news.</summary>
    public bool OnAccepted(LogIndex index)
    {
        bool isNews = index > Match;
        if (isNews) Match = index;
        Next = LogIndex.Max(Next, index.Next);
        ProbeSent = false;
        Inflight.FreeThrough(index);
        return isNews;
    }

    /// <summary>
    /// The peer does not hold the entry before an append. Goes back to the hint at once; false when the
    /// answer is an old one.
    /// </summary>
    /// <param name="rejected">The place that the append stood behind.</param>
    /// <param name="hint">The last place where both may agree.</param>
    public bool OnRejected(LogIndex rejected, LogIndex hint)
    {
        if (State == ProgressState.Replicate)
        {
            if (rejected <= Match) return false;
            BecomeProbe();
            return true;
        }

        if (State != ProgressState.Probe || Next.Previous != rejected) return false;
        Next = LogIndex.Max(LogIndex.Min(rejected, hint.Next), Match.Next);
        ProbeSent = false;
        return true;
    }

    // The peer lost a suffix that it had confirmed (a damaged log): what it holds is found again.
    internal void OnLost(LogIndex last)
    {
        if (last >= Match) return;
        Match = last;
        State = ProgressState.Replicate;
        BecomeProbe();
    }

    internal void CheckInvariants(LogIndex last)
    {
        Invariant.Assert(Match < Next);
        Invariant.Assert(Match <= last);
        Invariant.Assert(State == ProgressState.Replicate || Inflight.Count == 0);
    }
}
