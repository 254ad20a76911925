using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>The replicas of all reports by shard: who leads, who takes part.</summary>
internal sealed class ReplicaPlaces
{
    private readonly DiagnosisInput _input;
    private readonly Dictionary<(ShardId Shard, NodeNumber Node), ReplicaReport> _replicas = [];
    private readonly Dictionary<ShardId, ReplicaReport> _leaders = [];

    public ReplicaPlaces(DiagnosisInput input)
    {
        _input = input;
        foreach (NodeReport report in input.Reports.Values)
        {
            if (report.NotReady.Length > 0) continue;
            foreach (ReplicaReport replica in report.Replicas)
            {
                _replicas[(replica.Shard, report.Node)] = replica;
                // Of several that think so the one with the highest term does.
                if (replica.IsLeader && replica.Stopped.Length == 0
                    && (!_leaders.TryGetValue(replica.Shard, out ReplicaReport known) || known.Term.CompareTo(replica.Term) < 0))
                    _leaders[replica.Shard] = replica;
            }
        }
    }

    /// <summary>The nodes with a vote, as the map has it.</summary>
    public NodeNumber[] Voters(ShardId shard) =>
        [.. _input.Map.ReplicasOf(shard).Where(static r => !r.IsLearner).Select(static r => r.Node).Order()];

    /// <summary>The replica that leads; null where none of those that answered does.</summary>
    public ReplicaReport? LeaderOf(ShardId shard) => _leaders.TryGetValue(shard, out ReplicaReport leader) ? leader : null;

    /// <summary>The node has its replica, and that may vote.</summary>
    public bool Takes(ShardId shard, NodeNumber node) =>
        _replicas.TryGetValue((shard, node), out ReplicaReport replica) && replica is { IsDamaged: false, Stopped.Length: 0 };
}
