namespace Nori.Raft.Core.Tests.Algebra;

public sealed class ConfigurationTests
{
    [Fact]
    public void A_change_of_learners_alone_needs_no_joint_step()
    {
        Configuration next = Voters(1, 2, 3).Toward(new ConfigurationTarget(Ids(1, 2, 3), Ids(4)));
        Assert.False(next.IsJoint);
        Assert.Equal(Ids(4), next.Learners);
    }

    [Fact]
    public void A_voter_that_becomes_a_learner_votes_until_the_joint_step_is_over()
    {
        Configuration joint = Voters(1, 2, 3).Toward(new ConfigurationTarget(Ids(1, 2), Ids(3)));
        Assert.True(joint.IsVoter(new ReplicaId(3)));
        Assert.False(joint.IsLearner(new ReplicaId(3)));
        Assert.Equal(Ids(3), joint.LearnersNext);

        Configuration end = joint.Leave();
        Assert.False(end.IsVoter(new ReplicaId(3)));
        Assert.True(end.IsLearner(new ReplicaId(3)));
    }

    [Fact]
    public void A_removed_voter_is_a_member_until_the_joint_step_is_over()
    {
        Configuration joint = Voters(1, 2, 3).Toward(new ConfigurationTarget(Ids(1, 2)));
        Assert.True(joint.Contains(new ReplicaId(3)));
        Assert.False(joint.Leave().Contains(new ReplicaId(3)));
    }

    [Fact]
    public void Sets_that_contradict_each_other_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new Configuration(Ids(1, 2), Ids(2)));
        Assert.Throws<ArgumentException>(() => new Configuration(Ids(0)));
        Assert.Throws<ArgumentException>(() => new Configuration([], Ids(1)));
        Assert.Throws<ArgumentException>(() => new Configuration(Ids(1), null, Ids(1, 2), Ids(1)));
    }

    [Fact]
    public void The_order_in_which_replicas_are_named_does_not_matter()
    {
        Assert.Equal(Voters(3, 1, 2, 2), Voters(1, 2, 3));
        Assert.Equal(Voters(3, 1, 2).GetHashCode(), Voters(1, 2, 3).GetHashCode());
        Assert.NotEqual(Voters(1, 2), new Configuration(Ids(1), Ids(2)));
    }

    [Fact]
    public void Only_the_sole_voter_of_a_plain_configuration_decides_alone()
    {
        Assert.True(new Configuration(Ids(1), Ids(2)).IsOnlyVoter(new ReplicaId(1)));
        Assert.False(Voters(1, 2).IsOnlyVoter(new ReplicaId(1)));
        Assert.False(new Configuration(Ids(1), null, Ids(1, 2)).IsOnlyVoter(new ReplicaId(1)));
    }

    private static Configuration Voters(params ulong[] ids) => new(Ids(ids));

    private static ReplicaId[] Ids(params ulong[] ids) => ids.Select(i => new ReplicaId(i)).ToArray();
}
