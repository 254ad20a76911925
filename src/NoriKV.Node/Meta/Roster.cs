using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>Who may hold replicas, and how many of each shard there shall be. Pure; made anew for each look.</summary>
/// <param name="Nodes">For the planner: without the dead, with those that drain.</param>
/// <param name="Copies">Copies of each shard.</param>
/// <param name="Voters">Those of them that vote.</param>
/// <param name="MetaCopies">Copies of the meta group.</param>
/// <param name="MetaVoters">Those of them that vote.</param>
internal sealed record Roster(IReadOnlyList<PlacementNode> Nodes, int Copies, int Voters, int MetaCopies, int MetaVoters)
{
    /// <summary>
    /// One node that was silent for too long, or all such of one zone, is given up at a time, and none where fewer would be
    /// left than a shard has voters.
    /// </summary>
    /// <param name="state">The registry.</param>
    /// <param name="silenceOf">Since when a member was not heard.</param>
    /// <param name="silentAfter">From when on it gets nothing new while another node can have it.</param>
    /// <param name="deadAfter">From when on it is given up.</param>
    public static Roster Of(MetaState state, Func<NodeNumber, TimeSpan> silenceOf, TimeSpan silentAfter, TimeSpan deadAfter)
    {
        MetaSettings settings = state.Settings!;
        HashSet<NodeNumber> given = [.. Dead(state, silenceOf, deadAfter)];
        List<RegisteredNode> members = [.. state.Members];
        int left = members.Count(n => n.State == RegisteredState.Active && !given.Contains(n.Number));
        if (left < settings.EffectiveFactor) given.Clear();
        PlacementNode[] nodes =
        [
            .. members.Where(n => !given.Contains(n.Number)).Select(n => new PlacementNode(
                n.Number, n.Name, n.Zone, n.State == RegisteredState.Draining, silenceOf(n.Number) >= silentAfter)),
        ];
        int usable = nodes.Count(static n => !n.Draining);
        int voters = Math.Min(settings.EffectiveFactor, Math.Max(1, usable));
        // With two nodes no more than one vote is of use; the other node keeps a copy without one. It keeps it when a third has
        // joined and is not heard yet: the factor rises with that one's first heartbeat, and the copy becomes a voter.
        bool hasSpare = usable >= 2 && voters == 1 && settings.ReplicationFactor > 1;
        // The registry is worth a second disk whatever the factor of the shards is.
        int metaVoters = Math.Min(settings.MetaFactor, Math.Max(1, usable));
        int metaCopies = usable >= 2 && metaVoters == 1 ? 2 : metaVoters;
        return new Roster(nodes, hasSpare ? 2 : voters, voters, metaCopies, metaVoters);
    }

    /// <summary>What tells one roster from another, where plans are concerned.</summary>
    public string Key => $"{Copies}/{Voters}/{MetaCopies}/{MetaVoters}:"
        + string.Join(',', Nodes.Select(static n => $"{n.Number}{(n.Draining ? "d" : "")}{(n.Silent ? "s" : "")}@{n.Zone}"));

    private static IEnumerable<NodeNumber> Dead(
        MetaState state, Func<NodeNumber, TimeSpan> silenceOf, TimeSpan deadAfter)
    {
        List<(RegisteredNode Node, TimeSpan Silence)> silent =
        [
            .. state.Members.Select(n => (Node: n, Silence: silenceOf(n.Number))).Where(n => n.Silence >= deadAfter)
                .OrderByDescending(static n => n.Silence).ThenBy(static n => n.Node.Number),
        ];
        // The first that still has something is done with before the next one is given up.
        int first = silent.FindIndex(n => state.Shards.Any(s => s.Replicas.Any(r => r.Node == n.Node.Number)));
        if (first < 0) return silent.Select(static n => n.Node.Number);
        RegisteredNode victim = silent[first].Node;
        return silent.Where((n, i) => i <= first || (victim.Zone.Length > 0 && n.Node.Zone == victim.Zone))
            .Select(static n => n.Node.Number);
    }
}
