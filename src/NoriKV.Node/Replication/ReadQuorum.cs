using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>
/// Who has to confirm that a leader still leads, for reads by read index: known while an entry of its own term is committed and
/// no change of membership is under way. Immutable; another object for each term and each configuration.
/// </summary>
internal sealed class ReadQuorum
{
    private readonly Raft.Configuration _configuration;

    private ReadQuorum(
        Term term, Raft.Configuration configuration, ReplicaId leader, (NodeNumber Node, ReplicaId Replica)[] others, int needed)
    {
        (Term, _configuration, Leader, Others, Needed) = (term, configuration, leader, others, needed);
    }

    public Term Term { get; }

    public ReplicaId Leader { get; }

    /// <summary>The other voters.</summary>
    public IReadOnlyList<(NodeNumber Node, ReplicaId Replica)> Others { get; }

    /// <summary>How many of them make a majority, with the leader where that has a vote.</summary>
    public int Needed { get; }

    /// <summary>What holds now: the same object as before where nothing changed, null where nobody can be asked so.</summary>
    public static ReadQuorum? Of(RaftGroup group, ReadQuorum? before)
    {
        Raft.RaftCore core = group.Core;
        bool canRead = core.Role == Raft.RaftRole.Leader && core.Commit >= core.TermStart
            && core.ConfigurationIndex <= core.Commit && !core.Configuration.IsJoint;
        if (!canRead) return null;
        Raft.Configuration configuration = core.Configuration;
        return before is not null && before.Term.Value == core.Term.Value && ReferenceEquals(before._configuration, configuration)
            ? before
            : Make(group, configuration);
    }

    private static ReadQuorum? Make(RaftGroup group, Raft.Configuration configuration)
    {
        Raft.ReplicaId self = group.Core.Replica;
        var others = new List<(NodeNumber Node, ReplicaId Replica)>(configuration.Voters.Count);
        int needed = (configuration.Voters.Count / 2) + 1;
        foreach (Raft.ReplicaId voter in configuration.Voters)
        {
            var replica = new ReplicaId(voter.Value);
            if (voter == self) needed--;
            else if (group.NodeOf(replica) is { Value: > 0 } node) others.Add((node, replica));
        }

        // A lone voter's reads ask nobody.
        return needed > 0 && others.Count >= needed
            ? new ReadQuorum(new Term(group.Core.Term.Value), configuration, group.Replica, [.. others], needed)
            : null;
    }
}
