using Nori.Core;

namespace Nori.Raft.Core.Tests.Algebra;

public sealed class QuorumTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    [InlineData(4, 3)]
    [InlineData(5, 3)]
    public void A_majority_is_more_than_half(int voters, int majority) =>
        Assert.Equal(majority, new Quorum(Ids(voters)).Majority);

    [Fact]
    public void The_empty_half_agrees_to_everything()
    {
        Assert.Equal(ulong.MaxValue, default(Quorum).Reached(_ => 0));
        Assert.Equal(VoteResult.Won, default(Quorum).Tally(_ => false));
    }

    // The definition, said the slow way: the greatest value that more than half of the voters have reached.
    [Fact]
    public void What_a_majority_reached_is_what_counting_says()
    {
        Prng random = new(1);
        for (int run = 0; run < 2000; run++)
        {
            ReplicaId[] voters = Ids(random.NextInt(1, 20));
            Dictionary<ReplicaId, ulong> values = voters.ToDictionary(v => v, _ => (ulong)random.NextInt(6));
            ulong expected = values.Values.Where(x => values.Values.Count(y => y >= x) * 2 > voters.Length).Max();
            Assert.Equal(expected, new Quorum(voters).Reached(id => values[id]));
        }
    }

    [Fact]
    public void A_tally_says_won_or_lost_exactly_when_no_missing_vote_can_change_it()
    {
        for (int count = 1; count <= 5; count++)
        {
            ReplicaId[] voters = Ids(count);
            foreach (bool?[] votes in AllVotes(count))
            {
                bool mayWin = votes.Count(v => v != false) * 2 > count, hasWon = votes.Count(v => v == true) * 2 > count;
                VoteResult expected = hasWon ? VoteResult.Won : mayWin ? VoteResult.Pending : VoteResult.Lost;
                Assert.Equal(expected, new Quorum(voters).Tally(id => votes[(int)id.Value - 1]));
            }
        }
    }

    [Fact]
    public void A_joint_quorum_needs_both_halves()
    {
        Prng random = new(2);
        for (int run = 0; run < 5000; run++)
        {
            ReplicaId[] all = Ids(7);
            ReplicaId[] incoming = all.Where(_ => random.Chance(0.5)).Append(all[0]).Distinct().ToArray();
            ReplicaId[] outgoing = all.Where(_ => random.Chance(0.5)).ToArray();
            ulong[] values = all.Select(_ => (ulong)random.NextInt(5)).ToArray();
            bool?[] votes = all.Select(_ => random.Chance(0.3) ? (bool?)null : random.Chance(0.6)).ToArray();
            JointQuorum joint = new(new Quorum(incoming), new Quorum(outgoing));

            ulong reached = joint.Reached(id => values[id.Value - 1]);
            Assert.True(HasMajority(incoming, id => values[id.Value - 1] >= reached));
            Assert.True(outgoing.Length == 0 || HasMajority(outgoing, id => values[id.Value - 1] >= reached));
            VoteResult tally = joint.Tally(id => votes[id.Value - 1]);
            bool won = HasMajority(incoming, id => votes[id.Value - 1] == true)
                && (outgoing.Length == 0 || HasMajority(outgoing, id => votes[id.Value - 1] == true));
            Assert.Equal(won, tally == VoteResult.Won);
        }
    }

    // Raft §6: at no point may two disjoint majorities decide, neither of the old and the joint configuration
    // nor of the joint and the new one. Every change among four replicas, every pair of sets of agreeing
    // replicas.
    [Fact]
    public void Majorities_of_neighbouring_configurations_always_meet()
    {
        for (int from = 1; from < 16; from++)
        {
            for (int to = 1; to < 16; to++)
            {
                if (from == to) continue;
                Configuration old = new(Set(from));
                Configuration joint = old.Toward(new ConfigurationTarget(Set(to)));
                Configuration[] steps = [old, joint, joint.Leave()];
                Assert.True(joint.IsJoint);
                Assert.Equal(new Configuration(Set(to)), steps[2]);
                for (int i = 0; i + 1 < steps.Length; i++) AssertMeet(steps[i], steps[i + 1]);
            }
        }
    }

    // Why there is a joint step at all: two replicas added at once, and majorities that do not meet.
    [Fact]
    public void Majorities_of_configurations_two_apart_need_not_meet()
    {
        Configuration three = new(Ids(3)), five = new(Ids(5));
        bool first = Agrees(three, 0b00011), second = Agrees(five, 0b11100);
        Assert.True(first && second);
    }

    private static void AssertMeet(Configuration a, Configuration b)
    {
        for (int set = 0; set < 16; set++)
        {
            bool both = Agrees(a, set) && Agrees(b, ~set & 15);
            Assert.False(both, $"{a} and {b} decide apart");
        }
    }

    private static bool Agrees(Configuration configuration, int set) =>
        configuration.Quorum.Tally(id => (set & (1 << (int)(id.Value - 1))) != 0) == VoteResult.Won;

    private static ReplicaId[] Set(int bits) => Ids(4).Where(id => (bits & (1 << (int)(id.Value - 1))) != 0).ToArray();

    private static bool HasMajority(ReplicaId[] voters, Func<ReplicaId, bool> says) => voters.Count(says) * 2 > voters.Length;

    private static ReplicaId[] Ids(int count) => Enumerable.Range(1, count).Select(i => new ReplicaId((ulong)i)).ToArray();

    private static IEnumerable<bool?[]> AllVotes(int count) => Enumerable.Range(0, (int)Math.Pow(3, count)).Select(n =>
        Enumerable.Range(0, count).Select(i => (n / (int)Math.Pow(3, i) % 3) switch
        {
            0 => (bool?)null,
            1 => true,
            _ => false,
        }).ToArray());
}
