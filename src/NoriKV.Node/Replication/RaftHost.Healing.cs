using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>Replicas that are rebuilt from their peers.</summary>
internal sealed partial class RaftHost
{
    /// <summary>
    /// Takes a replica of this node out of service until a snapshot takes the place of what its tables hold. An error where it is
    /// the only voter.
    /// </summary>
    public ValueTask<KvError?> SetApartAsync(ShardId shard, string why, long deadline) =>
        RunAsync(shard, deadline, (worker, group, command) => worker.SetApart(group, command, why));

    /// <summary>
    /// Calls back on the shard's apply worker behind the first time entry at or behind an index, before anything later is
    /// applied; an error where that may have passed.
    /// </summary>
    public ValueTask<KvError?> WatchTimeAsync(ShardId shard, LogIndex from, Action<LogIndex> then, long deadline) =>
        RunAsync(shard, deadline, (worker, group, command) => worker.WatchTime(group, command, from, then));

    /// <summary>Sends a shard that is led here to a replica of it; answered when that is begun.</summary>
    public ValueTask<KvError?> SendSnapshotAsync(
        ShardId shard, ReplicaId to, NodeNumber node, LogIndex atLeast, long deadline) =>
        RunAsync(shard, deadline, (worker, group, command) => worker.SendSnapshot(group, command, to, node, atLeast));
}
