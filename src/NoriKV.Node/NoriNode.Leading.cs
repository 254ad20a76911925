using Nori.Observe;
using NoriKV.Node.Replication;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node;

/// <summary>Who leads what: at the start, in the view, at the end.</summary>
public sealed partial class NoriNode
{
    /// <summary>Changes of leaders within so long become one view.</summary>
    private static readonly TimeSpan ViewPeriod = TimeSpan.FromMilliseconds(100);

    private readonly HashSet<NodeNumber> _measured = [];
    private readonly LeaderChanges _leaderChanges;
    private int _leadersChanged;
    private long _viewedAt;

    /// <summary>
    /// Lone voters elect themselves before the node serves: all votes in one batch with one sync, all entries that begin
    /// their terms in a second one. Groups with peers take their time in the background.
    /// </summary>
    private void BeginAlone()
    {
        _log.CampaignAlone();
        bool worked = true;
        while (worked && _failure.Reason is null)
        {
            worked = _writer.RunOnce();
            foreach (RaftWorker worker in _log.Workers) worked |= worker.RunOnce();
            foreach (ApplyWorker worker in _pipeline.Workers) worked |= worker.RunOnce();
        }

        if (_failure.Reason is not null || _log.AreLoneLeadersReady) return;
        if (_writer.DiskFull is not null)
        {
            // They lead as soon as there is space to write their term; what they hold can be read before that.
            foreach (RaftGroup group in _log.Groups) group.ReadAlone();
            return;
        }

        _failure.Set("The node cannot start", new InvalidOperationException("a shard with one voter has no leader"));
    }

    private void Announce()
    {
        IMeter meter = _options.Meter;
        foreach (Raft.RaftRole role in Enum.GetValues<Raft.RaftRole>())
        {
            if (role == Raft.RaftRole.PreCandidate) continue;
            meter.ObservableGauge(
                "raft_groups", "Groups on this node by role.", () => CountOf(role),
                new Label("role", role.ToString().ToLowerInvariant()));
        }

        meter.ObservableGauge("node_writes_in_flight", "Writes taken and not yet applied.", () => _admission.Count);
        meter.ObservableGauge("node_in_flight_bytes", "Bytes of writes taken and not yet applied.", () => _admission.Bytes);
        meter.ObservableGauge(
            "node_apply_backlog_bytes", "Bytes committed and not yet applied.", () => _pipeline.BacklogBytes);
        meter.ObservableGauge(
            "raft_groups_without_leader", "Shards' replicas on this node that know no leader.", () => GroupsWithoutLeader);
        meter.ObservableGauge("cluster_shards", "Shards of the cluster.", () => _totalShards);
        meter.ObservableGauge(
            "raft_leader_changes_worst_group",
            "Changes of leader, within ten minutes, of the group on this node that had most.", () => _leaderChanges.Most);
        meter.ObservableGauge(
            "raft_uncommitted_entries", "Entries in logs led here that no majority is known to hold.", () => UncommittedEntries);
        meter.ObservableGauge(
            "raft_apply_lag_entries", "Entries known to be committed and not yet applied here.", () => ApplyLagEntries);
        meter.ObservableGauge("node_ready", "1 while this node can serve: /readyz in a number.", () => CannotServeReason is null ? 1 : 0);
        meter.ObservableGauge(
            "node_log_stall_seconds", "For how long the oldest write has waited for its sync.",
            () => _writer.Stalled(_time.GetTimestamp()).TotalSeconds);
        meter.ObservableGauge("node_disk_well", "1 while the log's disk answers in time.", () => IsDiskWell ? 1 : 0);
        meter.ObservableGauge(
            "node_disk_full", "1 while writes wait for space.", () => _writer.DiskFull is null && _diskFull is null ? 0 : 1);
        const string Queued = "Items that wait for a thread of the node, by stage: raft, log, apply.";
        meter.ObservableGauge(
            "node_queued_items", Queued, () => _log.Workers.Sum(static w => w.Queued), new Label("stage", "raft"));
        meter.ObservableGauge("node_queued_items", Queued, () => _writer.Queued, new Label("stage", "log"));
        meter.ObservableGauge(
            "node_queued_items", Queued, () => _pipeline.Workers.Sum(static w => w.Queued), new Label("stage", "apply"));
        MeasureMachine();
        MeasureLag(Table.Current);
        _leadersChanged = 1;
        FollowLeaders();
    }

    // A node that was a member once keeps its series: there are as many as the cluster ever had nodes.
    private void MeasureLag(Meta.ClusterMap map)
    {
        foreach (NodeNumber peer in PeersOf(map))
        {
            lock (_measured)
            {
                if (!_measured.Add(peer)) continue;
            }

            _options.Meter.ObservableGauge(
                "raft_follower_lag_entries", "Entries of shards led here that a node is known not to hold yet.",
                () => _log.Workers.Sum(w => w.LagOf(peer)), new Label("peer_id", $"{peer.Value}"));
            MeasureClockOf(peer);
        }
    }

    private double GroupsWithoutLeader => _log.Groups.Count(g => g.Shard != MetaShard && g.Published.Leader.Value == 0);

    private double UncommittedEntries => _log.Groups
        .Where(static g => g.Published.Role == Raft.RaftRole.Leader)
        .Sum(static g => (double)Math.Max(0, (long)(g.Published.Last.Value - g.Published.Commit.Value)));

    private double ApplyLagEntries => _log.Groups
        .Sum(g => (double)Math.Max(0, (long)(g.Published.Commit.Value - _replicas.Applied(g.Shard).Value)));

    private int CountOf(Raft.RaftRole role) => _failure.Reason is not null ? 0 : _log.Groups.Count(group =>
        group.Shard != MetaShard && (group.Published.Role == role
        || (role == Raft.RaftRole.Candidate && group.Published.Role == Raft.RaftRole.PreCandidate)));

    private void FollowLeaders()
    {
        if (Volatile.Read(ref _leadersChanged) == 0) return;
        if (_viewedAt != 0 && _time.GetElapsedTime(_viewedAt) < ViewPeriod) return;
        _viewedAt = _time.GetTimestamp();
        // Cleared before the look: what changes during it is looked at again.
        Interlocked.Exchange(ref _leadersChanged, 0);
        var leaders = new NodeNumber[_totalShards];
        for (uint shard = 0; shard < (uint)leaders.Length; shard++) leaders[shard] = _log.Status(new ShardId(shard)).Leader;
        _views.NoteLeaders(leaders);
    }

    /// <summary>Moves leaderships to others, for at most half of the time there is.</summary>
    private async ValueTask HandOverAsync(TimeSpan limit)
    {
        if (!HasPeers || _failure.Reason is not null) return;
        long began = _time.GetTimestamp();
        _log.HandOver();
        while (_failure.Reason is null && _time.GetElapsedTime(began) < limit / 2
            && _log.Groups.Any(static g => g.HasPeers && g.Published.Role == Raft.RaftRole.Leader))
        {
            if (_loop is null)
            {
                // The word goes out. Whoever steps the node steps its peers, too, whose answers this must not wait for.
                RunOnce();
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(1), _time).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Waits for the meta leader's view in which others lead what this node gave up: it is the last that watchers here get.
    /// </summary>
    private async ValueTask ShowHandOverAsync(TimeSpan limit)
    {
        // Whoever steps the node steps the meta leader, too, which this must not wait for.
        if (!HasPeers || _loop is null) return;
        long began = _time.GetTimestamp();
        while (_failure.Reason is null && _time.GetElapsedTime(began) < limit / 4 && _log.Groups.Any(IsShownAsOurs))
            await Task.Delay(TimeSpan.FromMilliseconds(5), _time).ConfigureAwait(false);
    }

    private bool IsShownAsOurs(RaftGroup group) => group.Shard.Value < (uint)_totalShards
        && group.Published.Role != Raft.RaftRole.Leader && _views.LeaderOf(group.Shard) == Number;
}
