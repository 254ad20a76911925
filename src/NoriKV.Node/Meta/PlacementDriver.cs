using NoriKV.Node.Machine;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// Brings the cluster to where it shall be, on the leader of the meta group: a round reads the registry, plans, and takes the
/// next steps. All that it must not forget is in the registry and in the shards' configurations, so that it may stop anywhere.
/// </summary>
/// <remarks>Stepped; one round at a time, which may go on over many steps.</remarks>
internal sealed partial class PlacementDriver
{
    private static readonly TimeSpan BusyPeriod = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan IdlePeriod = TimeSpan.FromMilliseconds(500);

    private readonly MetaContext _context;
    private readonly MetaLeader _leader;
    private readonly MetaStore _store;
    private int _running;
    private long _roundAt;
    private ulong _seenRevision;
    private string _planKey = "";
    private readonly MoveWatch _moves;
    private IReadOnlyList<ShardAssignment> _target = [];
    private long _movedAt;

    public PlacementDriver(MetaContext context, MetaLeader leader)
    {
        _context = context;
        _leader = leader;
        _store = context.Store;
        _moves = new MoveWatch(context);
        _roundAt = context.Now;
        _movedAt = context.Now;
        HandleCommands();
    }

    /// <summary>Moves that the plan wants and that are not done, those under way included; as of the last round.</summary>
    public int MovesWanted { get; private set; }

    /// <summary>The moves under way, and for how long each stands as it does.</summary>
    public IEnumerable<(ShardId Shard, string Words, TimeSpan Stands)> Moves => _moves.Moves;

    /// <summary>The plan was made for another state of things: the next round makes a new one.</summary>
    public void Replan()
    {
        Volatile.Write(ref _planKey, "");
        _context.Signal.Set();
    }

    /// <summary>One step; false when nothing was due.</summary>
    public bool RunOnce()
    {
        if (_context.Stopped() is not null || !_leader.IsLeading()) return false;
        bool worked = _leader.IssueIfDue();
        if (Volatile.Read(ref _running) != 0) return worked;
        ulong revision = _context.MetaStatus.Applied.Value;
        if (_context.Now < _roundAt && revision == _seenRevision) return worked;
        _seenRevision = revision;
        Volatile.Write(ref _running, 1);
        _ = _context.Run(RoundAsync);
        return true;
    }

    private async Task RoundAsync()
    {
        TimeSpan again = IdlePeriod;
        try
        {
            MetaState state = _store.Read();
            if (state.Settings is null)
            {
                if (await FoundAsync().ConfigureAwait(false)) again = TimeSpan.Zero;
                return;
            }

            if (await FollowNodesAsync(state).ConfigureAwait(false)) return;
            // Looked at once: who is heard for the first time in the middle of a round gets nothing before the factors are raised for it.
            HashSet<NodeNumber> live = [.. state.Nodes.Select(static n => n.Number).Where(_leader.IsLive)];
            if (await RaiseFactorsAsync(state, live).ConfigureAwait(false)) return;
            _moves.Look(state);
            PlacementOptions placement = _context.Placement;
            Roster roster = Roster.Of(state, _leader.SilenceOf, placement.SilentAfter, placement.DeadAfter);
            bool isBusy = await AdvanceAsync(state, roster).ConfigureAwait(false);
            isBusy |= await StartAsync(_store.Read(), roster, live).ConfigureAwait(false);
            if (isBusy)
            {
                again = BusyPeriod;
                _movedAt = _context.Now;
            }
            else
            {
                await LevelLeadersAsync(state).ConfigureAwait(false);
            }
        }
        finally
        {
            _roundAt = _context.Now + _context.Ticks(again);
            Volatile.Write(ref _running, 0);
        }
    }

    /// <summary>The first leader writes the registry as the cluster was planned, all of it or nothing.</summary>
    private async ValueTask<bool> FoundAsync()
    {
        ClusterMap plan = _context.Table.Current;
        // A node that is no founder has heard of a registry, and only lacks its entries yet.
        if (plan.Revision != 0) return false;
        var changes = new List<MetaChange>();
        ulong replicas = ((ulong)_context.MetaShard.Value + 1) * 8;
        for (uint i = 0; i <= _context.MetaShard.Value; i++)
        {
            var shard = new ShardId(i);
            MetaReplica[] first = [.. FirstOf(plan, shard).OrderBy(static r => r.Id)];
            if (first.Length == 0) return false;
            changes.Add(new MetaChange(
                MetaRecords.ShardKey(shard), MetaRecords.Encode(new MetaShard(shard, first)), default));
            replicas = Math.Max(replicas, first.Max(static r => r.Id.Value));
        }

        int voters = VotersOf(plan, new ShardId(0));
        NodeOptions options = _context.Options;
        var settings = new MetaSettings(
            _context.Identity.ClusterId, _context.Identity.TotalShards, _context.Identity.HashTags,
            Math.Max(options.ReplicationFactor, voters), voters, VotersOf(plan, _context.MetaShard),
            ClusterVersion: PeerProtocol.Max);
        changes.Add(new MetaChange(MetaRecords.SettingsKey, MetaRecords.Encode(settings), default));
        ulong nodes = plan.Nodes.Max(static n => n.Number.Value);
        changes.Add(new MetaChange(
            MetaRecords.CountersKey, MetaRecords.Encode(new MetaCounters(nodes + 1, replicas + 1, 1)), default));
        long now = _context.Time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (RegisteredNode node in plan.Nodes)
        {
            changes.Add(new MetaChange(
                MetaRecords.NodeKey(node.Number), MetaRecords.Encode(node with { JoinedUnixMs = now }), default));
        }

        return await _store.WriteAsync(changes).ConfigureAwait(false) == MetaWrite.Done;
    }

    private IEnumerable<MetaReplica> FirstOf(ClusterMap plan, ShardId shard) => plan.ReplicasOf(shard) is { Count: > 0 } planned
        ? planned.Select(static r => new MetaReplica(r.Id, r.Node, r.IsLearner ? MetaRole.Learner : MetaRole.Voter))
        : (_context.Replicas[shard]?.State.Configuration ?? []).Select(static m => new MetaReplica(
            m.Replica, m.Node, m.Role.HasFlag(MemberRole.Learner) ? MetaRole.Learner : MetaRole.Voter));

    private int VotersOf(ClusterMap plan, ShardId shard) => FirstOf(plan, shard).Count(static r => r.Role == MetaRole.Voter);

    /// <summary>Addresses, zones and stores as the nodes say them.</summary>
    private async ValueTask<bool> FollowNodesAsync(MetaState state)
    {
        MetaChange[] changes =
        [
            .. _leader.Corrected(state).Select(n => new MetaChange(
                MetaRecords.NodeKey(n.Number), MetaRecords.Encode(n), state.VersionOf(n.Number))),
        ];
        if (changes.Length == 0) return false;
        await _store.WriteAsync(changes).ConfigureAwait(false);
        return true;
    }

    /// <summary>More voters as soon as there are nodes for them; never fewer.</summary>
    private async ValueTask<bool> RaiseFactorsAsync(MetaState state, HashSet<NodeNumber> live)
    {
        if (!_context.Placement.MovesReplicas) return false;
        int nodes = state.Nodes.Count(n => n.State == RegisteredState.Active && live.Contains(n.Number));
        MetaSettings settings = state.Settings!;
        int effective = PlacementPlanner.EffectiveReplicationFactor(settings.ReplicationFactor, nodes);
        int meta = PlacementPlanner.EffectiveReplicationFactor(MetaSettings.MetaFactorMax, nodes);
        MetaSettings raised = settings with
        {
            EffectiveFactor = Math.Max(settings.EffectiveFactor, effective),
            MetaFactor = Math.Max(settings.MetaFactor, meta),
        };
        if (raised == settings) return false;
        await _store.WriteAsync(
            [new MetaChange(MetaRecords.SettingsKey, MetaRecords.Encode(raised), state.SettingsVersion)]).ConfigureAwait(false);
        return true;
    }

    /// <summary>Begins as many moves as may be under way; true while any is, or is wanted.</summary>
    private async ValueTask<bool> StartAsync(MetaState state, Roster roster, HashSet<NodeNumber> live)
    {
        if (!_context.Placement.MovesReplicas || !_leader.IsLeading() || !roster.Nodes.Any(static n => !n.Draining)) return false;
        // A plan made of nobody's heartbeats could leave the votes to whom its predecessor knew to be silent.
        if (!_leader.KnowsWhoIsThere(state)) return true;
        IReadOnlyList<ShardAssignment> target = TargetOf(state, roster);
        var load = new Dictionary<NodeNumber, int>();
        foreach (MetaReplica replica in state.Shards.SelectMany(static s => s.Replicas).Where(static r => r.IsOnItsWay))
        {
            load[replica.Node] = load.GetValueOrDefault(replica.Node) + 1;
        }

        var changes = new List<MetaChange>();
        ulong next = state.Counters.NextReplica;
        int wanted = 0;
        for (int i = 0; i < target.Count; i++)
        {
            MetaShard shard = state.Shards[i];
            int voters = shard.Shard == _context.MetaShard ? roster.MetaVoters : roster.Voters;
            ulong id = next;
            if (shard.IsMoving)
            {
                wanted++;
                continue;
            }

            if (MovePlanner.Begin(shard, [.. target[i].Replicas], voters, live.Contains, ref id) is not { } begun) continue;
            wanted++;
            if (!MayBegin(shard, begun, load, live)) continue;
            foreach (MetaReplica replica in begun.Replicas.Where(static r => r.IsOnItsWay))
            {
                load[replica.Node] = load.GetValueOrDefault(replica.Node) + 1;
            }

            next = id;
            changes.Add(new MetaChange(
                MetaRecords.ShardKey(shard.Shard), MetaRecords.Encode(begun), state.ShardVersions[i]));
        }

        MovesWanted = wanted;
        if (wanted == 0) Volatile.Write(ref _planKey, "");
        if (changes.Count == 0) return wanted > 0;
        // The ids and the records that use them in one batch: no id is ever in two records.
        changes.Add(new MetaChange(
            MetaRecords.CountersKey, MetaRecords.Encode(state.Counters with { NextReplica = next }), state.CountersVersion));
        await _store.WriteAsync(changes).ConfigureAwait(false);
        return true;
    }

    private bool MayBegin(MetaShard shard, MetaShard begun, Dictionary<NodeNumber, int> load, HashSet<NodeNumber> live)
    {
        foreach (MetaReplica replica in begun.Replicas)
        {
            if (!replica.IsOnItsWay) continue;
            if (load.GetValueOrDefault(replica.Node) >= _context.Placement.MovesPerNode) return false;
            // Who only loses a vote need not be there.
            bool isGiven = replica.Stays && !(replica.Role == MetaRole.Joining && shard.On(replica.Node).Id == replica.Id);
            if (isGiven && !live.Contains(replica.Node)) return false;
        }

        return true;
    }

    /// <summary>
    /// Where every shard shall lie: planned once for a roster and kept until all lies there, so that a move that is half done
    /// is never planned anew.
    /// </summary>
    private IReadOnlyList<ShardAssignment> TargetOf(MetaState state, Roster roster)
    {
        if (Volatile.Read(ref _planKey) == roster.Key && _target.Count == state.Shards.Count) return _target;
        List<ShardAssignment> current =
            [.. state.Shards.Take(state.DataShards).Select(static s => new ShardAssignment(s.Shard, [.. s.Target]))];
        PlacementPlan data = PlacementPlanner.PlanCopies(current, roster.Copies, roster.Nodes);
        MetaShard meta = state.Shards[^1];
        PlacementPlan own = PlacementPlanner.PlanCopies(
            [new ShardAssignment(meta.Shard, [.. meta.Target])], roster.MetaCopies, roster.Nodes);
        _target = [.. data.Target, .. own.Target];
        Volatile.Write(ref _planKey, roster.Key);
        return _target;
    }
}
