using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>
/// Looks into the nodes while they run: what is committed at an index never changes and is the same everywhere (log matching,
/// committed prefix), terms and commit never go back within a boot, nobody lacks what he confirmed, and replicas that applied the
/// same index hold the same.
/// </summary>
/// <param name="world">The run.</param>
/// <param name="nodes">Its nodes.</param>
/// <param name="membership">Looks at who takes part, where that changes; the meta group is a shard then.</param>
internal sealed class ReplicaCheck(SimWorld world, IReadOnlyList<SimNode> nodes, MembershipCheck? membership = null)
{
    private readonly uint _shards = (uint)world.Options.Shards + (membership is null ? 0u : 1u);

    private readonly Dictionary<(uint Shard, ulong Index), (ulong Term, ulong Hash, string Node)> _committed = [];
    private readonly Dictionary<(uint Shard, ulong Applied), (ulong Hash, string Node)> _states = [];
    private readonly Dictionary<(int Node, uint Shard), (int Boot, ReplicaSight Sight, ulong Checked)> _seen = [];

    // Of the node that is looked at: shards, and how far they had applied.
    private readonly List<(ShardId Shard, ulong Applied)> _shown = [];

    /// <summary>Committed entries seen.</summary>
    public int Entries => _committed.Count;

    /// <summary>True when every shard is led and all replicas of the nodes that run have applied the same, all there is.</summary>
    public bool HaveConverged() => Divergence() is null;

    /// <summary>
    /// A shard whose replicas differ or that nobody leads, and how they stand; null where there is none. What rotted in an engine must be
    /// healed.
    /// </summary>
    public string? Divergence()
    {
        for (uint shard = 0; shard < _shards; shard++)
        {
            ReplicaSight[] sights =
            [
                .. nodes.Where(n => n.State == NodeState.Up && n.Probe is not null)
                    .Select(n => n.Probe!.Look(new ShardId(shard)))
                    .OfType<ReplicaSight>()
                    .Where(s => s.Stopped is null),
            ];
            if (Divergence(sights) is { } how) return $"shard {shard} {how}: {string.Join("; ", sights)}";
        }

        return null;
    }

    /// <summary>The same of the replicas of one shard that take part.</summary>
    internal static string? Divergence(IReadOnlyList<ReplicaSight> sights)
    {
        bool areEqual = sights.Count > 0 && sights.All(s => s.Applied == s.Last && s.Last == sights[0].Last && !s.IsDamaged);
        if (!areEqual) return "differs";
        return sights.Any(static s => s.IsLeader) ? null : "is not led";
    }

    /// <summary>Looks at every replica of the nodes that run.</summary>
    /// <param name="hashes">True: at their states too, which takes longer.</param>
    public void Look(bool hashes)
    {
        foreach (SimNode node in nodes)
        {
            if (node.State != NodeState.Up || node.Probe is not { } probe) continue;
            foreach (var difference in node.Node?.Differences ?? [])
            {
                string where = string.Join(' ', difference.Nodes);
                world.Violate("replicas_equal", $"{node.Name} found at {where} in the background: {difference with { Nodes = [] }}");
            }

            _shown.Clear();
            for (uint shard = 0; shard < _shards; shard++)
            {
                if (probe.Look(new ShardId(shard)) is not { } sight) continue;
                LookAt(node, probe, shard, sight);
                if (hashes) _shown.Add((new ShardId(shard), sight.Applied));
            }

            if (_shown.Count > 0) Compare(node, probe);
        }

        membership?.Look();
    }

    /// <summary>Judges how memberships followed each other.</summary>
    public void Judge() => membership?.Judge((shard, index) => _committed.ContainsKey((shard, index)));

    private void LookAt(SimNode node, IReplicaProbe probe, uint shard, ReplicaSight sight)
    {
        (int Boot, ReplicaSight Sight, ulong Checked) before = _seen.GetValueOrDefault((node.Place, shard));
        // A replica that came in the place of another begins with nothing.
        bool sameBoot = before.Boot == node.Boots && before.Sight.Replica == sight.Replica;
        ReplicaSight was = before.Sight;
        if (sight.IsDamaged && !(sameBoot && was.IsDamaged)) world.Probes.Hit("log.damaged");
        if (sameBoot && was.IsDamaged && !sight.IsDamaged) world.Probes.Hit("log.healed");
        if (sameBoot && (sight.Term < was.Term || sight.Commit < was.Commit || sight.Applied < was.Applied))
            world.Violate("never_back", $"{node.Name} shard {shard}: {was}, then {sight}");
        // What it counts as durable here counts for a majority: a loss of power at this moment must leave it.
        bool isNews = !sameBoot || sight.Durable != was.Durable;
        if (isNews && sight.Durable >= sight.First && !probe.IsDurable(new ShardId(shard), sight.Durable))
            world.Violate("confirmed_is_durable", $"{node.Name} shard {shard}: entry {sight.Durable} is not, {sight}");
        // Nor did an earlier one take anything that was confirmed.
        if (sight.IsDamaged && !node.IsRotten)
            world.Violate("confirmed_is_kept", $"{node.Name} shard {shard} lacks what it confirmed: {sight}");
        // One whose hard state may be lost may have lost a vote: it comes back under another id only (faults.md §2).
        if (sight.Stopped is { } why && !node.IsRotten)
            world.Violate("no_crash", $"{node.Name} shard {shard} stopped: {why}");
        if (sight.Applied > sight.Commit)
            world.Violate("applied_is_committed", $"{node.Name} shard {shard}: {sight}");
        // From the start of a boot on all of its log is looked at: a crash may have changed what it holds.
        ulong index = Math.Max(sight.First, sameBoot ? before.Checked + 1 : 1);
        while (index <= sight.Commit && probe.TryReadEntry(new ShardId(shard), index, out ulong term, out ulong hash))
        {
            Compare(node, shard, index, term, hash);
            if (membership is not null && probe.ReadConfiguration(new ShardId(shard), index, term) is { } configuration)
                membership.Note(shard, index, configuration);
            index++;
        }

        _seen[(node.Place, shard)] = (node.Boots, sight, index - 1);
    }

    private void Compare(SimNode node, uint shard, ulong index, ulong term, ulong hash)
    {
        if (_committed.TryAdd((shard, index), (term, hash, node.Name))) return;
        (ulong Term, ulong Hash, string Node) known = _committed[(shard, index)];
        if (known.Term == term && known.Hash == hash) return;
        world.Violate(
            "committed_never_changes",
            $"shard {shard} index {index}: {node.Name} has term {term} {hash:x16}, "
            + $"{known.Node} had term {known.Term} {known.Hash:x16}");
    }

    private void Compare(SimNode node, IReplicaProbe probe)
    {
        IReadOnlyList<ulong?> hashes = probe.HashStates([.. _shown.Select(static s => s.Shard)]);
        for (int i = 0; i < hashes.Count; i++)
        {
            if (hashes[i] is { } hash) Compare(node, _shown[i].Shard.Value, _shown[i].Applied, hash);
        }
    }

    private void Compare(SimNode node, uint shard, ulong applied, ulong hash)
    {
        if (_states.TryAdd((shard, applied), (hash, node.Name))) return;
        (ulong Hash, string Node) known = _states[(shard, applied)];
        if (known.Node != node.Name) world.Probes.Hit("replicas.compared");
        if (known.Hash != hash)
        {
            world.Violate(
                "replicas_equal",
                $"shard {shard} at index {applied}: {node.Name} holds {hash:x16}, {known.Node} held {known.Hash:x16}");
        }
    }
}
