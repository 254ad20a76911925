using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>Whether a shard's voters can make writes durable: a leader needs a majority of disks, its own among them or not.</summary>
internal static class DiskMajority
{
    /// <param name="replicas">Those of the shard; none where nothing is written down of it, as on a node that is its only member.</param>
    /// <param name="self">This node.</param>
    /// <param name="isOwnStalled">Whether its disk stands still.</param>
    /// <param name="isPeerAble">Whether a peer is heard and its disk does not stand still.</param>
    public static bool CanWrite(
        IReadOnlyList<PlannedReplica> replicas, NodeNumber self, bool isOwnStalled, Func<NodeNumber, bool> isPeerAble)
    {
        int voters = 0, able = 0;
        foreach (PlannedReplica replica in replicas)
        {
            if (replica.IsLearner) continue;
            voters++;
            if (replica.Node == self ? !isOwnStalled : isPeerAble(replica.Node)) able++;
        }

        return voters == 0 ? !isOwnStalled : 2 * able > voters;
    }
}
