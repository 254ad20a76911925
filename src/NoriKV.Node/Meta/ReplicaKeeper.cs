using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// Brings the replicas of this node to where the map wants them. A replica arrives only as one without a vote: one that has a
/// vote and is not here lost what it promised, and must not come back empty. One goes when a map does not name it that was
/// read after its id was given: ids are never given again, so that holds for ever, however old the map is.
/// </summary>
internal sealed class ReplicaKeeper(MetaContext context)
{
    /// <summary>Replicas that arrive or go at a time.</summary>
    private const int ChangesMax = 64;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(100);

    private int _wanted = 1;
    private int _underWay;
    private long _retryAt;

    /// <summary>The map changed.</summary>
    public void Want() => Volatile.Write(ref _wanted, 1);

    public bool RunOnce()
    {
        if (Volatile.Read(ref _wanted) == 0 || Volatile.Read(ref _underWay) > 0 || context.Now < _retryAt) return false;
        Volatile.Write(ref _wanted, 0);
        ClusterMap map = context.Table.Current;
        if (map.Revision == 0) return false;
        bool any = false;
        for (uint i = 0; i < (uint)map.Shards.Count && Volatile.Read(ref _underWay) < ChangesMax; i++)
        {
            var shard = new ShardId(i);
            if (Next(map, shard) is not { } change) continue;
            any = true;
            Interlocked.Increment(ref _underWay);
            _ = context.Run(() => ChangeAsync(shard, change.Replica, change.Arrives));
        }

        return any;
    }

    /// <summary>What has to happen to the shard's replica here; null where all is well.</summary>
    private (ReplicaId Replica, bool Arrives)? Next(ClusterMap map, ShardId shard)
    {
        ReplicaId present = context.Replicas[shard]?.State.Replica ?? default;
        PlannedReplica own = default;
        foreach (PlannedReplica replica in map.ReplicasOf(shard))
        {
            if (replica.Id == present) return null;
            if (replica.Node == context.Self) own = replica;
        }

        if (present.Value != 0) return present.Value < map.NextReplica ? (present, false) : null;
        bool mayArrive = own.Id.Value != 0 && own.IsLearner
            && own.Id.CompareTo(context.Host.TombstoneOf(shard)) > 0;
        return mayArrive ? (own.Id, true) : null;
    }

    private async Task ChangeAsync(ShardId shard, ReplicaId replica, bool arrives)
    {
        long deadline = context.Now + context.Ticks(Timeout);
        KvError? error = arrives
            ? await context.Host.AddReplicaAsync(shard, replica, deadline).ConfigureAwait(false)
            : await context.Host.RemoveReplicaAsync(shard, replica, deadline).ConfigureAwait(false);
        if (error is not null) _retryAt = context.Now + context.Ticks(Retry);
        Volatile.Write(ref _wanted, 1);
        Interlocked.Decrement(ref _underWay);
        context.Signal.Set();
    }
}
