using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// The next step that brings a shard's configuration to where the registry wants it: first whoever is missing becomes a
/// learner, then one joint change gives those that arrive their votes and takes away those of the leaving. Pure.
/// </summary>
/// <param name="Members">What to propose; null where nothing is left to do.</param>
internal readonly record struct MemberStep(IReadOnlyList<ConfigurationMember>? Members)
{
    /// <summary>The configuration is what the registry wants.</summary>
    public bool IsDone => Members is null;

    /// <summary>The step from a settled configuration.</summary>
    public static MemberStep Next(MetaShard wanted, IReadOnlyList<ConfigurationMember> settled)
    {
        List<ReplicaId> voters = [.. settled.Where(static m => m.Role == MemberRole.Voter).Select(static m => m.Replica)];
        List<MetaReplica> missing =
            [.. wanted.Replicas.Where(r => r.Stays && !settled.Any(m => m.Replica == r.Id))];
        if (missing.Count > 0)
        {
            return new MemberStep(
                [.. settled, .. missing.Select(static r => new ConfigurationMember(r.Id, r.Node, MemberRole.Learner))]);
        }

        List<ConfigurationMember> target = [.. wanted.Replicas.Where(static r => r.Stays).Select(static r =>
            new ConfigurationMember(r.Id, r.Node, r.WillVote ? MemberRole.Voter : MemberRole.Learner))];
        bool isSame = target.Count == settled.Count
            && target.TrueForAll(t => settled.Any(m => m.Replica == t.Replica && m.Role == t.Role));
        return new MemberStep(isSame ? null : target);
    }

    /// <summary>The shard's record when that is done.</summary>
    public static MetaShard Finish(MetaShard wanted) => wanted with
    {
        Replicas = [.. wanted.Replicas.Where(static r => r.Stays).Select(static r => r with
        {
            Role = r.WillVote ? MetaRole.Voter : MetaRole.Learner,
        })],
    };

    /// <summary>
    /// The record that takes a move back: what arrives goes, and of what was to go so much stays as there shall be voters. It
    /// goes the same way, through the shard's configuration, so that a command sent for the move before finds another
    /// configuration than it names.
    /// </summary>
    public static MetaShard Cancel(MetaShard wanted, int factor)
    {
        int voters = wanted.Replicas.Count(static r => r.Role == MetaRole.Voter);
        return wanted with
        {
            Replicas = [.. wanted.Replicas.Select(r => r.Role switch
            {
                MetaRole.Arriving or MetaRole.Joining => r with { Role = MetaRole.Leaving },
                MetaRole.Leaving when voters++ < factor => r with { Role = MetaRole.Voter },
                _ => r,
            })],
        };
    }
}
