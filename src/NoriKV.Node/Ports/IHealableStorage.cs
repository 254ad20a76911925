using Nori.IO;
using Nori.Lsm;

namespace NoriKV.Node.Ports;

/// <summary>
/// An engine that goes on without a damaged table: it sets it apart, says which keys are lost, and drops them when the node has
/// them from a peer. An engine without it fails at damage, and the node with it.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal interface IHealableStorage
{
    /// <summary>Tables that are set apart.</summary>
    IReadOnlyList<LsmDamagedTable> DamagedTables { get; }

    /// <summary>No table has a key behind it; empty where there is none.</summary>
    ReadOnlyMemory<byte> GreatestKey { get; }

    /// <summary>Damage was met while reading; false when it is not of a table.</summary>
    bool NoteDamage(CorruptionException damage);

    /// <summary>The first damage of what a table holds in [start, end); null when all of it is sound.</summary>
    CorruptionException? FindDamage(ulong table, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end);

    /// <summary>
    /// Gives up what a table held in the ranges (rising, disjoint), keeps the rest, durably; false: ask again later. A full disk
    /// is refused as by <see cref="IStorage.Write"/>.
    /// </summary>
    bool DropDamage(ulong table, IReadOnlyList<(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End)> lost);
}
