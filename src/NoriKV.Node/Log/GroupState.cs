using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>What the log holds of one shard's replica.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Replica">The replica whose records count; others' were dropped.</param>
/// <param name="IsClean">True: its data was removed and it must not come back under this id.</param>
/// <param name="PrefixIndex">Entries up to here were truncated; 0 none.</param>
/// <param name="PrefixTerm">The term of the entry at <paramref name="PrefixIndex"/>.</param>
/// <param name="LastIndex">The last entry; <paramref name="PrefixIndex"/> when there is none.</param>
/// <param name="LastTerm">Its term.</param>
/// <param name="HardState">The newest; null when none was ever written.</param>
/// <param name="LiveBytes">Bytes its entries take in the log.</param>
public readonly record struct GroupState(
    ShardId Shard,
    ReplicaId Replica,
    bool IsClean,
    LogIndex PrefixIndex,
    Term PrefixTerm,
    LogIndex LastIndex,
    Term LastTerm,
    HardState? HardState,
    long LiveBytes)
{
    /// <summary>What damage of the log took from it, until it is healed.</summary>
    public LogDamage Damage { get; init; }

    /// <summary>Where that damage is; default where it is not known.</summary>
    public WalPosition DamagePlace { get; init; }

    /// <summary>The first entry kept, if <see cref="Count"/> is not 0.</summary>
    public LogIndex FirstIndex => PrefixIndex.Next;

    /// <summary>Entries kept.</summary>
    public long Count => (long)(LastIndex.Value - PrefixIndex.Value);
}
