using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Node.Meta;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node.Tests.MetaGroup;

/// <summary>The steps of moves, as values.</summary>
public sealed class MoveTests
{
    [Fact]
    public void A_replacement_adds_a_learner_then_changes_all_votes_at_once_then_is_done()
    {
        ulong next = 10;
        MetaShard begun = MovePlanner.Begin(Shard((1, 1), (2, 2), (3, 3)), Nodes(1, 2, 4), 3, All, ref next)!;
        Assert.Equal(11UL, next);
        Assert.Equal(
            [(1, MetaRole.Voter), (2, MetaRole.Voter), (3, MetaRole.Leaving), (10, MetaRole.Arriving)],
            begun.Replicas.Select(static r => ((int)r.Id.Value, r.Role)));
        Assert.True(begun.IsMoving);

        ConfigurationMember[] settled = [Voter(1, 1), Voter(2, 2), Voter(3, 3)];
        IReadOnlyList<ConfigurationMember> first = MemberStep.Next(begun, settled).Members!;
        Assert.Equal([.. settled, new(new ReplicaId(10), new NodeNumber(4), MemberRole.Learner)], first);
        IReadOnlyList<ConfigurationMember> second = MemberStep.Next(begun, first).Members!;
        Assert.Equal([Voter(1, 1), Voter(2, 2), Voter(10, 4)], second);
        Assert.True(MemberStep.Next(begun, second).IsDone);
        MetaShard done = MemberStep.Finish(begun);
        Assert.False(done.IsMoving);
        Assert.Equal([1UL, 2, 10], done.Replicas.Select(static r => r.Id.Value));
        Assert.All(done.Replicas, static r => Assert.Equal(MetaRole.Voter, r.Role));
    }

    [Fact]
    public void A_second_node_holds_copies_without_a_vote_and_a_third_makes_all_of_them_voters_in_one_step()
    {
        ulong next = 10;
        MetaShard two = MovePlanner.Begin(Shard((1, 1)), Nodes(1, 2), 1, All, ref next)!;
        Assert.Equal(MetaRole.Joining, two.Replicas[1].Role);
        two = MemberStep.Finish(two);
        Assert.Equal(MetaRole.Learner, two.Replicas[1].Role);
        MetaShard three = MovePlanner.Begin(two, Nodes(1, 2, 3), 3, All, ref next)!;
        Assert.Equal([MetaRole.Voter, MetaRole.Arriving, MetaRole.Arriving], three.Replicas.Select(static r => r.Role));
        IReadOnlyList<ConfigurationMember> learners = MemberStep.Next(
            three, [Voter(1, 1), Learner(10, 2)]).Members!;
        Assert.Equal([Voter(1, 1), Learner(10, 2), Learner(11, 3)], learners);
        Assert.Equal([Voter(1, 1), Voter(10, 2), Voter(11, 3)], MemberStep.Next(three, learners).Members!);
    }

    [Fact]
    public void Where_votes_become_fewer_those_who_are_heard_keep_them()
    {
        ulong next = 10;
        MetaShard three = Shard((1, 1), (2, 2), (3, 3));
        foreach (int there in new[] { 1, 3 })
        {
            MetaShard begun = MovePlanner.Begin(three, Nodes(1, 3), 1, n => (int)n.Value == there, ref next)!;
            Assert.Equal(there, (int)Assert.Single(begun.Replicas, static r => r.WillVote).Node.Value);
            Assert.Equal(MetaRole.Leaving, begun.On(new NodeNumber(2)).Role);
        }
    }

    [Fact]
    public void A_move_taken_back_goes_through_the_configuration_and_ends_where_it_began()
    {
        ulong next = 10;
        MetaShard begun = MovePlanner.Begin(Shard((1, 1), (2, 2), (3, 3)), Nodes(1, 2, 4), 3, All, ref next)!;
        MetaShard back = MemberStep.Cancel(begun, 3);
        Assert.Equal(
            [Voter(1, 1), Voter(2, 2), Voter(3, 3)],
            MemberStep.Next(back, [Voter(1, 1), Voter(2, 2), Voter(3, 3), Learner(10, 4)]).Members!);
        Assert.Equal([1UL, 2, 3], MemberStep.Finish(back).Replicas.Select(static r => r.Id.Value));
        // Also where the votes had changed already: the old one learns again first.
        IReadOnlyList<ConfigurationMember> again = MemberStep.Next(back, [Voter(1, 1), Voter(2, 2), Voter(10, 4)]).Members!;
        Assert.Contains(Learner(3, 3), again);
    }

    [Fact]
    public void Growing_a_level_cluster_by_steps_adds_exactly_the_floor_of_the_share_and_only_to_the_new_node()
    {
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var random = new Prng(seed);
            int nodes = 3 + random.NextInt(6);
            int shards = 16 + random.NextInt(200);
            int factor = random.NextInt(3) switch { 0 => 1, 1 => 3, _ => nodes >= 5 ? 5 : 3 };
            PlacementNode[] ring = [.. Enumerable.Range(1, nodes + 1).Select(static n => new PlacementNode(
                new NodeNumber((ulong)n), $"n{n}"))];
            List<ShardAssignment> at = [.. PlacementPlanner.FirstAssignment(shards, factor, ring[..nodes])];
            int added = 0;
            while (true)
            {
                // As the driver does after a change of the meta leader: planned anew from what is done by then.
                PlacementPlan plan = PlacementPlanner.PlanCopies(at, factor, ring);
                if (plan.Moves.Count == 0) break;
                foreach (ReplicaMove move in plan.Moves.Take(1 + random.NextInt(5)))
                {
                    Assert.Equal(ring[nodes].Number, move.Add);
                    int i = (int)move.Shard.Value;
                    at[i] = at[i] with { Replicas = [.. at[i].Replicas.Where(n => n != move.Remove).Append(move.Add!.Value)] };
                    added++;
                }
            }

            Assert.Equal(shards * factor / (nodes + 1), added);
        }
    }

    [Fact]
    public void Only_one_dead_node_or_zone_is_given_up_at_a_time_and_none_that_is_needed()
    {
        MetaState state = State(factor: 3, (1, "a"), (2, "b"), (3, "c"), (4, "c"), (5, "d"));
        Assert.Equal([1, 2, 3, 4, 5], Left(state, []));
        Assert.Equal([1, 2, 3, 4], Left(state, [5]));
        // The one silent for longest first, with all of its zone that are silent.
        Assert.Equal([1, 2, 5], Left(state, [3, 4]));
        Assert.Equal([1, 2, 3, 4], Left(state, [5, 1]));
        MetaState three = State(factor: 3, (1, ""), (2, ""), (3, ""));
        Assert.Equal([1, 2, 3], Left(three, [2]));
    }

    [Fact]
    public void A_drain_that_would_lower_the_factor_is_refused_unless_a_new_one_is_given()
    {
        MetaState three = State(factor: 3, (1, ""), (2, ""), (3, ""));
        KvError refused = AdminWishes.Drain(three, "n2", 0, All).Error!;
        Assert.Equal(KvCode.FailedPrecondition, refused.Code);
        Assert.Contains("too few", refused.Message, StringComparison.Ordinal);
        Assert.Equal(2, AdminWishes.Drain(three, "n2", 1, All).Value.Count);
        KvError even = AdminWishes.Drain(three, "n2", 2, All).Error!;
        Assert.Equal(KvCode.InvalidArgument, even.Code);
        Assert.Contains("it must be odd and at most 2", even.Message, StringComparison.Ordinal);
        Assert.Single(AdminWishes.Drain(State(factor: 3, (1, ""), (2, ""), (3, ""), (4, "")), "n2", 0, All).Value);
        Assert.Equal(KvCode.FailedPrecondition, AdminWishes.Drain(State(factor: 1, (1, "")), "n1", 1, All).Error!.Code);
        Assert.Equal(KvCode.FailedPrecondition, AdminWishes.Decommission(three, "n1").Error!.Code);
        Assert.Equal(KvCode.FailedPrecondition, AdminWishes.Replace(three, "n9", All).Error!.Code);
    }

    // Its answer was lost, or the first node that was asked stood still: the next one is asked the same.
    [Fact]
    public void A_wish_that_is_fulfilled_is_no_error()
    {
        MetaState three = State(factor: 3, (1, ""), (2, ""), (3, ""));
        MetaState After(RegisteredState became) =>
            three with { Nodes = [.. three.Nodes.Select(n => n.Name == "n2" ? n with { State = became } : n)] };
        Assert.Empty(AdminWishes.Replace(After(RegisteredState.Replaced), "n2", All).Value);
        Assert.Empty(AdminWishes.Decommission(After(RegisteredState.Decommissioned), "n2").Value);
        // What became of it is something else.
        Assert.Equal(KvCode.FailedPrecondition, AdminWishes.Replace(After(RegisteredState.Decommissioned), "n2", All).Error!.Code);
        Assert.Equal(KvCode.FailedPrecondition, AdminWishes.Decommission(After(RegisteredState.Replaced), "n2").Error!.Code);
        // A name is given again: it is the newest of its nodes that counts.
        MetaState again = After(RegisteredState.Replaced);
        again = again with
        {
            Nodes = [.. again.Nodes, again.Nodes[1] with { Number = new NodeNumber(4), State = RegisteredState.Decommissioned }],
        };
        Assert.Equal(KvCode.FailedPrecondition, AdminWishes.Replace(again, "n2", All).Error!.Code);
        Assert.Empty(AdminWishes.Decommission(again, "n2").Value);
    }

    [Theory]
    [InlineData(3, 3, 1, 3, 1)] // Two are left, and can hold one: what must be is no wish.
    [InlineData(3, 4, 1, 1, 1)]
    [InlineData(5, 5, 3, 5, 3)]
    [InlineData(5, 5, 1, 1, 1)]
    public void A_factor_given_with_a_drain_is_configured_only_where_the_nodes_left_could_hold_more(
        int factor, int nodes, int given, int configured, int effective)
    {
        MetaState state = State(factor, [.. Enumerable.Range(1, nodes).Select(static n => (n, ""))]);
        MetaChange change = AdminWishes.Drain(state, "n2", given, All).Value[0];
        MetaSettings changed = MetaRecords.TryDecodeSettings(change.Value)!;
        Assert.Equal((configured, effective), (changed.ReplicationFactor, changed.EffectiveFactor));
    }

    [Fact]
    public void Refusals_name_what_there_is_and_what_to_do()
    {
        MetaState three = State(factor: 3, (1, ""), (2, ""), (3, ""));
        Assert.Contains("its members are n1, n2, n3", AdminWishes.Undrain(three, "n9").Error!.Message, StringComparison.Ordinal);
        Assert.Contains("add a node", AdminWishes.Drain(State(factor: 1, (1, "")), "n1", 0, All).Error!.Message, StringComparison.Ordinal);
        Assert.Contains("cluster drain n2", AdminWishes.Replace(three, "n2", All).Error!.Message, StringComparison.Ordinal);

        // Of four nodes one is silent: two are not enough for three replicas, whatever the registry counts.
        MetaState four = State(factor: 3, (1, ""), (2, ""), (3, ""), (4, ""));
        Assert.Contains(
            "n4 is silent", AdminWishes.Drain(four, "n1", 0, static n => n.Value != 4).Error!.Message, StringComparison.Ordinal);
        Assert.True(AdminWishes.Drain(four, "n1", 0, All).IsOk);
    }

    [Fact]
    public void A_node_whose_vote_a_majority_needs_is_not_given_up()
    {
        MetaState state = State(factor: 3, (1, ""), (2, ""), (3, "")) with { Shards = [Stored(0, 1, 2, 3), Stored(1, 1, 2, 3)] };
        Assert.True(AdminWishes.Replace(state, "n3", static n => n.Value != 3).IsOk);
        KvError refused = AdminWishes.Replace(state, "n3", static n => n.Value == 1).Error!;
        Assert.Contains("n2, n3 silent 2 shards of n3 have no majority", refused.Message, StringComparison.Ordinal);
        Assert.Contains("norikv recover", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Leadership_goes_only_to_who_has_a_vote_and_is_there()
    {
        MetaState state = State(factor: 3, (1, ""), (2, ""), (3, ""), (4, "")) with { Shards = [Stored(0, 1, 2, 3), Stored(1, 1, 2, 3)] };
        RegisteredNode Of(string name) => state.FindMember(name)!;
        var shard = new ShardId(0);
        Assert.Null(AdminWishes.WhyNotLead(state, shard, Of("n2"), All));
        Assert.Contains(
            "those that have: n1, n2, n3", AdminWishes.WhyNotLead(state, shard, Of("n4"), All)!.Message, StringComparison.Ordinal);
        Assert.Contains("silent", AdminWishes.WhyNotLead(state, shard, Of("n2"), static _ => false)!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_replica_goes_only_to_a_node_that_is_there()
    {
        MetaState state = State(factor: 3, (1, ""), (2, ""), (3, ""), (4, "")) with
        {
            Shards = [Stored(0, 1, 2, 3), Stored(1, 1, 2, 3)], ShardVersions = [new KvVersion(1, 1), new KvVersion(1, 1)],
        };
        Assert.True(AdminWishes.MoveReplica(state, new ShardId(0), "n1", "n4", All).IsOk);
        KvError refused = AdminWishes.MoveReplica(state, new ShardId(0), "n1", "n4", static n => n.Value != 4).Error!;
        Assert.Equal((KvCode.FailedPrecondition, "Node n4 is silent"), (refused.Code, refused.Message));
    }

    private static bool All(NodeNumber node) => true;

    private static MetaShard Stored(uint shard, params ulong[] nodes) => new(
        new ShardId(shard),
        [.. nodes.Select((n, i) => new MetaReplica(new ReplicaId((shard * 8) + (ulong)i + 1), new NodeNumber(n), MetaRole.Voter))]);

    private static IEnumerable<int> Left(MetaState state, int[] silent) => Roster.Of(
        state,
        node => silent.Contains((int)node.Value) ? TimeSpan.FromMinutes(20 - Array.IndexOf(silent, (int)node.Value)) : TimeSpan.Zero,
        TimeSpan.FromSeconds(5),
        TimeSpan.FromMinutes(10)).Nodes.Select(static n => (int)n.Number.Value);

    private static MetaState State(int factor, params (int Node, string Zone)[] nodes) => new()
    {
        Revision = 9,
        Settings = new MetaSettings(Guid.NewGuid(), 1, false, factor, factor, factor, 1),
        Nodes = [.. nodes.Select(static n => new RegisteredNode(
            new NodeNumber((ulong)n.Node), $"n{n.Node}", Guid.Empty, "", n.Zone, RegisteredState.Active, 0))],
        NodeVersions = [.. nodes.Select(static _ => new KvVersion(1, 1))],
        Shards = [Shard([.. nodes.Select(static n => (n.Node, n.Node))])],
        ShardVersions = [new KvVersion(1, 1)],
    };

    private static MetaShard Shard(params (int Id, int Node)[] voters) => new(
        new ShardId(0),
        [.. voters.Select(static v => new MetaReplica(
            new ReplicaId((ulong)v.Id), new NodeNumber((ulong)v.Node), MetaRole.Voter))]);

    private static NodeNumber[] Nodes(params int[] nodes) => [.. nodes.Select(static n => new NodeNumber((ulong)n))];

    private static ConfigurationMember Voter(ulong id, ulong node) => new(new ReplicaId(id), new NodeNumber(node));

    private static ConfigurationMember Learner(ulong id, ulong node) =>
        new(new ReplicaId(id), new NodeNumber(node), MemberRole.Learner);
}
