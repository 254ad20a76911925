using NoriKV.Node.Peers;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>Time: ticks for groups that are awake, sleep for those without work, and waking when a peer is in doubt.</summary>
internal sealed partial class RaftWorker
{
    // Only these are looked at when a tick comes: those asleep, and lone voters that lead, cost nothing.
    private readonly List<RaftGroup> _ticking = [];
    private readonly PriorityQueue<(RaftGroup Group, Raft.WakeReason Reason, Raft.Term Term), long> _wakes = new();
    private static readonly TimeSpan HandOverPeriod = TimeSpan.FromSeconds(1);
    private int _tickingCount;
    private bool _tickDue;
    private NodeWellness _wellness;
    private int _wakesSeen;

    /// <summary>True while it wants ticks.</summary>
    public bool WantsTicks => Volatile.Read(ref _tickingCount) > 0;

    /// <summary>A tick of the clock has passed; one that was not looked at yet is not made up for.</summary>
    public void NoteTick()
    {
        if (!WantsTicks && Volatile.Read(ref _wakesSeen) == 0) return;
        Volatile.Write(ref _tickDue, true);
        Signal.Set();
    }

    private bool TickIfDue()
    {
        if (!Volatile.Read(ref _tickDue)) return false;
        Volatile.Write(ref _tickDue, false);
        long now = Now();
        for (int i = _ticking.Count - 1; i >= 0; i--)
        {
            RaftGroup group = _ticking[i];
            if (!WantsTicksOf(group))
            {
                group.IsTicking = false;
                _ticking[i] = _ticking[^1];
                _ticking.RemoveAt(_ticking.Count - 1);
                continue;
            }

            Tick(group, now);
        }

        Volatile.Write(ref _tickingCount, _ticking.Count);
        NoteLag(now);
        return true;
    }

    private void Tick(RaftGroup group, long now)
    {
        Raft.RaftCore core = group.Core;
        core.IsEligible = IsFit(group);
        core.Tick();
        if (core.Role == Raft.RaftRole.Leader)
        {
            if (group.ResignAt != 0 && now >= group.ResignAt) core.Resign();
            else if (MustHandOver(group) && Since(group.HandedOverAt, now) >= HandOverPeriod) HandOver(group);
            else if (Since(group.ActiveAt, now) >= _options.IdleBeforeSleep) TrySleep(group, now);
        }

        if (group.Reads.Waiting.Count > 0) WantRead(group);
        if (group.Parked.Count > 0 || group.Book.HasOrphans) ForgetAnswered(group, 0);
        if (core.HasReady) Touch(group);
    }

    private bool MustHandOver(RaftGroup group) => group.HasPeers && (!_wellness.IsClockWell || group.IsSetApart);

    private bool IsFit(RaftGroup group)
    {
        Raft.RaftCore core = group.Core;
        group.LeaderlessTicks = core.Leader.IsNone ? group.LeaderlessTicks + 1 : 0;
        if (!_wellness.IsDiskWell || group.IsSetApart) return false;
        if (!_wellness.IsClockWell && group.LeaderlessTicks < _options.LeaderlessTicksMax) return false;
        return core.Commit.Value - Math.Min(core.Commit.Value, group.NextToApply) < _options.ApplyLagMax;
    }

    private void TrySleep(RaftGroup group, long now)
    {
        if (group.Parked.Count > 0 || group.Transfers.Count > 0) return;
        var absent = new List<Raft.ReplicaId>();
        foreach (Raft.ReplicaId member in group.Core.Configuration.Members)
        {
            if (member == group.Core.Replica) continue;
            if (!_host.Liveness.IsWell(group.NodeOf(new ReplicaId(member.Value)))) absent.Add(member);
        }

        // Not tried again at once where it is not to be had.
        group.ActiveAt = now;
        if (group.Core.TryHibernate(absent)) Touch(group);
    }

    /// <summary>Puts the group among those that get ticks, if it needs them.</summary>
    private void FollowTimers(RaftGroup group)
    {
        if (group.IsTicking || !WantsTicksOf(group)) return;
        group.IsTicking = true;
        _ticking.Add(group);
        Volatile.Write(ref _tickingCount, _ticking.Count);
    }

    // A lone voter that leads has no heartbeats to send, no majority to lose and nobody to hand over to.
    private static bool WantsTicksOf(RaftGroup group) => group.Reads.Waiting.Count > 0 || group.Parked.Count > 0
        || (group.Core.Sleep != Raft.SleepState.Asleep && !(group.IsLoneLeader && !group.HasPeers));

    private void OnPeer(in PeerNote note)
    {
        var groups = new List<(RaftGroup Group, Raft.WakeReason Reason, Raft.Term Term)>();
        foreach (RaftGroup group in _owned)
        {
            if (ReasonToWake(group, note) is { } reason) groups.Add((group, reason, group.Core.Term));
        }

        long now = Now();
        long spread = (long)(_options.WakeSpread.TotalSeconds * _options.Time.TimestampFrequency);
        for (int i = 0; i < groups.Count; i++) _wakes.Enqueue(groups[i], now + (spread * i / groups.Count));
        Volatile.Write(ref _wakesSeen, _wakes.Count);
    }

    private Raft.WakeReason? ReasonToWake(RaftGroup group, in PeerNote note)
    {
        bool isLedThere = !group.Core.Leader.IsNone && group.Core.Role != Raft.RaftRole.Leader
            && group.NodeOf(new ReplicaId(group.Core.Leader.Value)) == note.Node;
        bool sleeps = group.Core.Sleep != Raft.SleepState.Awake;
        bool isWatched = group.Core.IsWatchedByNode;
        return note.Kind switch
        {
            PeerNoteKind.Silent when isLedThere && isWatched => Raft.WakeReason.LeaderSilent,
            PeerNoteKind.Unwell when isLedThere && isWatched => Raft.WakeReason.LeaderUnwell,
            // A leader that sleeps would not notice that its majority is gone. Awake it does, and says so.
            PeerNoteKind.Silent when sleeps && group.Core.Role == Raft.RaftRole.Leader && !HasLiveQuorum(group) =>
                Raft.WakeReason.Work,
            PeerNoteKind.Restarted when isLedThere => Raft.WakeReason.LeaderRestarted,
            PeerNoteKind.Returned when sleeps && group.Core.Role == Raft.RaftRole.Leader
                && group.Core.Lags(group.ReplicaOn(note.Node)) => Raft.WakeReason.PeerReturned,
            // It may have been asleep for the restarted one, too: whoever leads tells it that it does.
            PeerNoteKind.Restarted when sleeps && group.Core.Role == Raft.RaftRole.Leader
                && !group.ReplicaOn(note.Node).IsNone => Raft.WakeReason.PeerReturned,
            _ => null,
        };
    }

    private bool WakeThoseDue()
    {
        if (_wakes.Count == 0) return false;
        bool worked = false;
        long now = Now();
        if (!_wakes.TryPeek(out _, out long first) || first > now) return false;
        int electing = Electing();
        while (_wakes.TryPeek(out (RaftGroup Group, Raft.WakeReason Reason, Raft.Term Term) wake, out long due) && due <= now)
        {
            if (electing >= _options.ElectionsMax) break;
            _wakes.Dequeue();
            // The reason was a leader's of that term. Who leads in a later one may hold a lease on this replica's loyalty.
            if (wake.Group.IsGone || wake.Group.Core.Term != wake.Term) continue;
            if (HasLiveQuorum(wake.Group)) electing++;
            wake.Group.Core.Wake(wake.Reason);
            wake.Group.ActiveAt = now;
            Touch(wake.Group);
            FollowTimers(wake.Group);
            worked = true;
        }

        Volatile.Write(ref _wakesSeen, _wakes.Count);
        return worked;
    }

    // Those that nobody can win do not end: were they counted, the groups behind them would sleep on and name a leader that is
    // dead.
    private int Electing() => _ticking.Count(
        g => g.Core.Role is Raft.RaftRole.PreCandidate or Raft.RaftRole.Candidate && HasLiveQuorum(g));

    private bool HasLiveQuorum(RaftGroup group) => group.Core.Configuration.Quorum.Tally(
        id => id == group.Core.Replica || _host.Liveness.IsWell(group.NodeOf(new ReplicaId(id.Value)))) == Raft.VoteResult.Won;

    /// <summary>A node that is not well does not campaign, and hands its leaderships to others.</summary>
    private void OnWellness(NodeWellness wellness)
    {
        _wellness = wellness;
        long now = Now();
        long grace = (long)(_options.Tick.TotalSeconds * 12 * _options.Time.TimestampFrequency);
        foreach (RaftGroup group in _owned)
        {
            group.ResignAt = 0;
            if (!group.HasPeers) continue;
            group.Core.IsEligible = wellness.IsWell && !group.IsSetApart;
            if (wellness.IsWell || group.Core.Role != Raft.RaftRole.Leader) continue;
            if (!wellness.IsDiskWell) group.ResignAt = now + grace;
            HandOver(group);
            FollowTimers(group);
        }
    }

    /// <summary>
    /// To the voter that holds most of the log, on a node that is well and not behind with applying. Without one nobody leads for a
    /// while, unless it is only the clock that is wrong.
    /// </summary>
    private void HandOver(RaftGroup group)
    {
        group.HandedOverAt = Now();
        Raft.Progress? best = null;
        foreach (Raft.Progress peer in group.Core.Peers)
        {
            if (!group.Core.Configuration.Voters.Contains(peer.Id)) continue;
            // One that is not heard in this group, as where its log is damaged beyond use, would take nothing: to ask it each second
            // holds up what this leader can do.
            if (peer.State != Raft.ProgressState.Replicate) continue;
            NodeNumber node = group.NodeOf(new ReplicaId(peer.Id.Value));
            if (!_host.Liveness.IsWell(node) || _host.Liveness.ApplyLag(node) > _options.ApplyLagBytesMax) continue;
            if (best is null || peer.Match > best.Match) best = peer;
        }

        // One that is set apart can serve nothing: whoever leads instead is better, also one whose clock is wrong.
        if (best is null && _wellness.IsDiskWell && !group.IsSetApart) return;
        group.Published.EndLease();
        if (best is null || group.Core.TransferLeadership(best.Id) != Raft.TransferStatus.Started) group.Core.Resign();
        Touch(group);
    }
}
