using NoriKV.Node.Ports;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Replication;

/// <summary>
/// A lease counts on voters that keep their votes for the least election timeout (protocol.md §3): what ends that early must be
/// about the leader that it is kept for.
/// </summary>
public sealed class LoyaltyTests
{
    private const int TicksMin = 12;

    // protocol.md §4: a new boot epoch ends stickiness towards that peer, staggered. Another one may lead when the turn comes.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_wake_whose_turn_comes_late_ends_no_loyalty_to_who_leads_since(ulong seed)
    {
        SteppedCluster cluster = new(shards: 24, seed: seed);
        cluster.AwaitLeaders();
        cluster.Run(500);
        int lost = cluster.LeaderOf(0);
        ulong[] terms = [.. Shards(cluster).Select(s => cluster.Status(lost, s).Term.Value)];
        uint[] led = [.. Shards(cluster).Where(s => cluster.Status(lost, s).IsLeader)];
        cluster.Crash(lost, 3);
        cluster.Run(500);
        cluster.Start(lost);

        var followed = new Dictionary<(int Node, uint Shard), ulong>();
        for (int step = 0; step < 200; step++)
        {
            cluster.Run(10);
            foreach (uint shard in led)
            {
                for (int i = 0; i < cluster.Nodes.Length; i++)
                {
                    ReplicaStatus status = cluster.Status(i, shard);
                    bool isLed = status.Leader.Value != 0 && status.Term.Value > terms[shard];
                    if (isLed) followed[(i, shard)] = status.Term.Value;
                    ulong before = followed.GetValueOrDefault((i, shard));
                    Assert.True(isLed || before == 0, $"node {i} gave up the leader of term {before} of shard {shard}: {status}");
                }
            }
        }

        Assert.Equal(cluster.Nodes.Length * led.Length, followed.Count);
    }

    // The first frame that is heard of a process may say that it leads, already.
    [Fact]
    public void That_the_process_before_is_gone_ends_no_loyalty_to_the_one_that_leads_now()
    {
        SteppedCluster cluster = new(shards: 1);
        cluster.AwaitLeaders();
        int again = cluster.LeaderOf(0);
        cluster.Crash(again, 3);
        cluster.RunUntil(() => cluster.LeaderOf(0) >= 0, "another one leads");
        int between = cluster.LeaderOf(0), far = 3 - again - between;
        cluster.Network.Loses = (from, to) => from == cluster.Numbers[again] && to == cluster.Numbers[far];
        cluster.Start(again);
        cluster.Run(1000);
        Task<KvResult<ShardView>> transfer = cluster.Nodes[between]!.TransferShardAsync(
            new ShardId(0), $"n{again + 1}", cluster.Context(5000)).AsTask();
        Assert.True(cluster.Await(transfer).IsOk);
        Assert.True(cluster.Status(again, 0).IsLeader);
        Assert.NotEqual(cluster.Numbers[again], cluster.Status(far, 0).Leader);

        cluster.Frozen.Add((far, "tick"));
        cluster.Network.Heal();
        cluster.RunUntil(() => cluster.Status(far, 0).Leader == cluster.Numbers[again], "it is heard");
        cluster.Frozen.Clear();
        for (int step = 0; step < 30; step++)
        {
            cluster.Run(10);
            Assert.Equal(cluster.Numbers[again], cluster.Status(far, 0).Leader);
        }
    }

    // A lease is 0.9 of the least timeout less a tick: eleven whole ticks of loyalty, however late a worker came to the one before.
    [Fact]
    public void A_tick_that_was_due_before_a_leader_was_heard_does_not_shorten_what_it_is_promised()
    {
        SteppedCluster cluster = new(shards: 1);
        cluster.AwaitLeaders();
        cluster.Run(300);
        int leader = cluster.LeaderOf(0), voter = (leader + 1) % 3;
        cluster.Frozen.Add((voter, "raft-0"));
        cluster.Run(200);
        cluster.Crash(leader, 3);
        cluster.Crash(3 - leader - voter, 4);
        cluster.Frozen.Clear();
        cluster.Settle();

        for (int tick = 1; tick < TicksMin; tick++)
        {
            cluster.Run(50);
            Assert.Equal(Raft.StepResult.Ignored, AskForVote(cluster, voter));
        }

        cluster.Run(50);
        Assert.Equal(Raft.StepResult.Processed, AskForVote(cluster, voter));
    }

    private static Raft.StepResult AskForVote(SteppedCluster cluster, int voter)
    {
        Raft.RaftCore core = cluster.Nodes[voter]!.Log.Group(new ShardId(0))!.Core;
        return core.Step(new Raft.RaftMessage
        {
            Kind = Raft.MessageKind.PreVote,
            Group = core.Group,
            From = core.Configuration.Voters.First(id => id != core.Replica && id != core.Leader),
            To = core.Replica,
            Term = core.Term.Next,
            Index = core.LastIndex,
            LogTerm = core.LastTerm,
        });
    }

    private static IEnumerable<uint> Shards(SteppedCluster cluster) => Enumerable.Range(0, cluster.Shards).Select(static s => (uint)s);
}
