using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Placement.Tests;

/// <summary>The published properties of placement (protocol.md §7), on many random clusters.</summary>
public sealed class PlacementPlannerTests
{
    [Theory]
    [InlineData(3, 1, 1)]
    [InlineData(3, 2, 1)]
    [InlineData(3, 3, 3)]
    [InlineData(3, 9, 3)]
    [InlineData(5, 4, 3)]
    [InlineData(5, 7, 5)]
    [InlineData(4, 9, 3)]
    [InlineData(1, 9, 1)]
    public void The_effective_factor_is_odd_and_within_both_bounds(int factor, int nodes, int expected) =>
        Assert.Equal(expected, PlacementPlanner.EffectiveReplicationFactor(factor, nodes));

    [Fact]
    public void A_first_assignment_is_level_and_on_distinct_nodes()
    {
        for (int count = 1; count <= 12; count++)
        {
            PlacementNode[] nodes = Nodes(count);
            IReadOnlyList<ShardAssignment> first = PlacementPlanner.FirstAssignment(1024, 3, nodes);
            AssertLevel(first, nodes, PlacementPlanner.EffectiveReplicationFactor(3, count));
            Assert.Empty(PlacementPlanner.Plan(first, 3, nodes).Moves);
        }
    }

    [Fact]
    public void Adding_a_node_to_a_level_cluster_moves_the_floor_of_its_share_and_all_of_it_there()
    {
        for (int count = 3; count <= 10; count++)
        {
            PlacementNode[] nodes = Nodes(count + 1);
            IReadOnlyList<ShardAssignment> first = PlacementPlanner.FirstAssignment(1024, 3, nodes[..count]);
            PlacementPlan plan = PlacementPlanner.Plan(first, 3, nodes);
            AssertLevel(plan.Target, nodes, 3);
            Assert.Equal(1024 * 3 / (count + 1), plan.Moves.Count);
            Assert.All(plan.Moves, m => Assert.Equal(nodes[count].Number, m.Add));
        }
    }

    [Fact]
    public void Removing_a_node_from_a_level_cluster_adds_exactly_its_replicas()
    {
        for (int count = 4; count <= 10; count++)
        {
            PlacementNode[] nodes = Nodes(count);
            IReadOnlyList<ShardAssignment> first = PlacementPlanner.FirstAssignment(1024, 3, nodes);
            for (int gone = 0; gone < count; gone++)
            {
                NodeNumber number = nodes[gone].Number;
                PlacementNode[] left = [.. nodes.Where(n => n.Number != number)];
                PlacementPlan plan = PlacementPlanner.Plan(first, 3, left);
                AssertLevel(plan.Target, left, 3);
                Assert.Equal(first.Count(a => a.Replicas.Contains(number)), plan.Moves.Count);
                Assert.All(plan.Moves, m => Assert.Equal(number, m.Remove));
            }
        }
    }

    [Fact]
    public void A_draining_node_empties_itself_like_a_removed_one()
    {
        PlacementNode[] nodes = Nodes(5);
        IReadOnlyList<ShardAssignment> first = PlacementPlanner.FirstAssignment(256, 3, nodes);
        nodes[2] = nodes[2] with { Draining = true };
        PlacementPlan plan = PlacementPlanner.Plan(first, 3, nodes);
        Assert.DoesNotContain(plan.Target, a => a.Replicas.Contains(nodes[2].Number));
        AssertLevel(plan.Target, [.. nodes.Where(n => !n.Draining)], 3);
    }

    [Fact]
    public void Growing_from_one_to_three_nodes_raises_the_factor()
    {
        PlacementNode[] nodes = Nodes(3);
        IReadOnlyList<ShardAssignment> one = PlacementPlanner.FirstAssignment(64, 3, nodes[..1]);
        Assert.Equal(32, PlacementPlanner.Plan(one, 3, nodes[..2]).Moves.Count);
        PlacementPlan plan = PlacementPlanner.Plan(one, 3, nodes);
        AssertLevel(plan.Target, nodes, 3);
        Assert.Equal(128, plan.Moves.Count);
        Assert.All(plan.Moves, m => Assert.Null(m.Remove));
    }

    [Fact]
    public void Random_clusters_become_level_with_the_fewest_moves()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new Prng(seed);
            PlacementNode[] nodes = Nodes(random.NextInt(3, 9));
            ShardAssignment[] current = [.. Enumerable.Range(0, random.NextInt(1, 200)).Select(shard =>
            {
                NodeNumber[] order = [.. nodes.Select(n => n.Number)];
                random.Shuffle<NodeNumber>(order);
                return new ShardAssignment(new ShardId((uint)shard), order[..3]);
            })];
            PlacementPlan plan = PlacementPlanner.Plan(current, 3, nodes);
            AssertLevel(plan.Target, nodes, 3);
            Assert.True(FewestMoves(current, nodes) == plan.Moves.Count, $"seed {seed}");
        }
    }

    [Fact]
    public void A_silent_node_gets_nothing_that_another_can_have_and_the_others_are_level()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new Prng(seed);
            PlacementNode[] nodes = [.. Nodes(random.NextInt(5, 9)).Select((n, i) => n with { Zone = $"z{(ulong)i % (1 + (seed % 4))}" })];
            IReadOnlyList<ShardAssignment> first = PlacementPlanner.FirstAssignment(random.NextInt(1, 200), 3, nodes[..^1]);
            nodes[0] = nodes[0] with { Silent = true };
            nodes[1] = nodes[1] with { Draining = true };
            PlacementPlan plan = PlacementPlanner.Plan(first, 3, nodes);
            Assert.All(plan.Target, a => Assert.Equal(3, a.Replicas.Distinct().Count()));
            Assert.DoesNotContain(plan.Moves, m => m.Add == nodes[0].Number);
            int[] loads = [.. nodes[2..].Select(n => plan.Target.Count(a => a.Replicas.Contains(n.Number)))];
            Assert.InRange(loads.Max() - loads.Min(), 0, 1);
            // Those of a silent node are wanted where they are, unless it has more than the others.
            Assert.InRange(plan.Target.Count(a => a.Replicas.Contains(nodes[0].Number)), 0, loads.Min() + 1);
        }

        // Where they are too few for all copies it is as if it were there, and so it is where nobody is heard.
        PlacementNode[] three = [.. Nodes(3).Select(static n => n with { Silent = n.Number.Value == 3 })];
        IReadOnlyList<ShardAssignment> one = PlacementPlanner.FirstAssignment(8, 1, three[..1]);
        Assert.All(PlacementPlanner.Plan(one, 3, three).Target, static a => Assert.Equal(3, a.Replicas.Count));
        PlacementNode[] all = [.. three.Select(static n => n with { Silent = true })];
        AssertLevel(PlacementPlanner.Plan(one, 1, all).Target, all, 1);
    }

    [Fact]
    public void Replicas_lie_in_distinct_zones_where_that_is_possible()
    {
        for (int perZone = 1; perZone <= 3; perZone++)
        {
            PlacementNode[] nodes = [.. Nodes(3 * perZone).Select((n, i) => n with { Zone = $"z{i % 3}" })];
            IReadOnlyList<ShardAssignment> first = PlacementPlanner.FirstAssignment(512, 3, nodes);
            AssertLevel(first, nodes, 3);
            Assert.All(first, a => Assert.Equal(3, a.Replicas.Select(r => nodes.First(n => n.Number == r).Zone)
                .Distinct().Count()));
        }
    }

    [Fact]
    public void Leaderships_are_levelled_by_transfers_between_replicas_only()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var random = new Prng(seed);
            PlacementNode[] nodes = Nodes(random.NextInt(3, 8));
            IReadOnlyList<ShardAssignment> assignment = PlacementPlanner.FirstAssignment(128, 3, nodes);
            NodeNumber?[] leaders = [.. assignment.Select(a => (NodeNumber?)a.Replicas[random.NextInt(random.NextInt(1, 4))])];
            IReadOnlyList<LeaderTransfer> transfers = PlacementPlanner.LevelLeaders(assignment, leaders);
            foreach (LeaderTransfer transfer in transfers)
            {
                int shard = (int)transfer.Shard.Value;
                Assert.Equal(leaders[shard], transfer.Source);
                Assert.Contains(transfer.Target, assignment[shard].Replicas);
                leaders[shard] = transfer.Target;
            }

            int[] leads = [.. nodes.Select(n => leaders.Count(l => l == n.Number))];
            Assert.True(leads.Max() - leads.Min() <= 1, $"seed {seed}: {string.Join(' ', leads)}");
        }
    }

    [Fact]
    public void Equal_inputs_give_equal_plans()
    {
        PlacementNode[] nodes = Nodes(7);
        IReadOnlyList<ShardAssignment> first = PlacementPlanner.FirstAssignment(300, 3, nodes);
        Assert.Equal(
            PlacementPlanner.Plan(first, 3, nodes[1..]).Moves, PlacementPlanner.Plan(first, 3, nodes[1..]).Moves);
    }

    /// <summary>What a level result needs at least: the surplus above the best choice of shares.</summary>
    private static int FewestMoves(ShardAssignment[] current, PlacementNode[] nodes)
    {
        int total = current.Length * 3;
        int low = total / nodes.Length;
        int high = total % nodes.Length;
        return nodes.Select(n => current.Count(a => a.Replicas.Contains(n.Number)))
            .OrderDescending().Select((load, rank) => Math.Max(0, load - (rank < high ? low + 1 : low))).Sum();
    }

    private static void AssertLevel(IReadOnlyList<ShardAssignment> assignment, PlacementNode[] nodes, int factor)
    {
        int low = assignment.Count * factor / nodes.Length;
        Assert.All(assignment, a => Assert.Equal(factor, a.Replicas.Distinct().Count()));
        Assert.All(nodes, n => Assert.InRange(assignment.Count(a => a.Replicas.Contains(n.Number)), low, low + 1));
    }

    private static PlacementNode[] Nodes(int count) =>
        [.. Enumerable.Range(1, count).Select(i => new PlacementNode(new NodeNumber((ulong)i), $"n{i}"))];
}
