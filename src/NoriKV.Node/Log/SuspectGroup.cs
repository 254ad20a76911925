using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>
/// A group that may have lost something durable: it may have promised what it no longer knows, so it comes back
/// only under
/// a new replica id.
/// </summary>
/// <param name="Shard">The shard.</param>
/// <param name="Replica">The replica.</param>
/// <param name="HardStateInDoubt">A newer hard state may have been in the damage.</param>
/// <param name="EntriesInDoubt">Entries are missing, or later ones may have been in the damage.</param>
/// <param name="FirstMissing">The first entry known to be missing; 0 when none is known.</param>
public readonly record struct SuspectGroup(
    ShardId Shard, ReplicaId Replica, bool HardStateInDoubt, bool EntriesInDoubt, LogIndex FirstMissing);
