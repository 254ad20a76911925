using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>Makes a shard's next record from where it shall lie. Pure.</summary>
internal static class MovePlanner
{
    /// <summary>
    /// The record with a move begun that brings the shard to the nodes; null where it lies there. New replicas get ids from
    /// <paramref name="nextReplica"/> on, which is raised.
    /// </summary>
    /// <param name="shard">As it is, no move under way.</param>
    /// <param name="target">The nodes that shall hold it.</param>
    /// <param name="voters">How many of them shall vote.</param>
    /// <param name="isLive">Who is heard now: where votes become fewer, those who are not lose theirs first.</param>
    /// <param name="nextReplica">The next id to give.</param>
    public static MetaShard? Begin(
        MetaShard shard, IReadOnlyCollection<NodeNumber> target, int voters, Func<NodeNumber, bool> isLive, ref ulong nextReplica)
    {
        var replicas = new List<MetaReplica>();
        int wanted = Math.Min(voters, target.Count);
        HashSet<ReplicaId> keep =
        [
            .. shard.Replicas.Where(r => r.Role == MetaRole.Voter && target.Contains(r.Node))
                .OrderByDescending(r => isLive(r.Node)).ThenByDescending(static r => r.Id).Take(wanted).Select(static r => r.Id),
        ];
        int votes = keep.Count;
        foreach (MetaReplica replica in shard.Replicas)
        {
            MetaRole role = replica.Role;
            if (!target.Contains(replica.Node))
            {
                role = MetaRole.Leaving;
            }
            else if (role == MetaRole.Voter && !keep.Contains(replica.Id))
            {
                // Fewer voters than before, and the copy stays.
                role = MetaRole.Joining;
            }
            else if (role == MetaRole.Learner && votes < wanted)
            {
                (role, votes) = (MetaRole.Arriving, votes + 1);
            }

            replicas.Add(replica with { Role = role });
        }

        foreach (NodeNumber node in target.Order())
        {
            if (shard.Replicas.Any(r => r.Node == node)) continue;
            bool votesToo = votes < wanted;
            if (votesToo) votes++;
            replicas.Add(new MetaReplica(
                new ReplicaId(nextReplica++), node, votesToo ? MetaRole.Arriving : MetaRole.Joining));
        }

        return replicas.SequenceEqual(shard.Replicas) ? null : shard with { Replicas = replicas };
    }
}
