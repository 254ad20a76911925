using NoriKV.Node;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>A term of a shard has one leader, once: whoever loses its memory of having led has lost its vote too.</summary>
internal sealed class LeaderCheck
{
    private readonly SimWorld _world;
    private readonly Dictionary<(uint Shard, ulong Term), (string Node, long At)> _leaders = [];

    public LeaderCheck(SimWorld world)
    {
        _world = world;
        world.Probes.Elected = Note;
    }

    /// <summary>Elections seen.</summary>
    public int Count => _leaders.Count;

    private void Note(LeaderElected elected)
    {
        (uint, ulong) term = (elected.Shard.Value, elected.Term.Value);
        _world.Trace.Note(0, 3, (elected.Term.Value << 16) ^ elected.Shard.Value);
        if (_leaders.TryAdd(term, (elected.Node, _world.Events.Now))) return;
        (string node, long at) = _leaders[term];
        _world.Violate(
            "one_leader_per_term",
            $"shard {elected.Shard} has leader {elected.Node} in term {elected.Term}, and {node} since {Ticks.Text(at)} s");
    }
}
