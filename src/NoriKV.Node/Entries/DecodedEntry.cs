using NoriKV.Node.Machine;

namespace NoriKV.Node.Entries;

/// <summary>An entry read back; everything is a slice of its bytes.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="StampUnixMs">The leader's time when it appended it.</param>
/// <param name="Session">How it is recognised when it comes twice.</param>
/// <param name="Operations">What one client call asked for; empty for other kinds.</param>
/// <param name="Body">The operations as they are encoded: equal requests have equal bytes.</param>
public readonly record struct DecodedEntry(
    EntryKind Kind, long StampUnixMs, EntrySession Session, EntryOperation[] Operations, ReadOnlyMemory<byte> Body)
{
    /// <summary>Who takes part from here on; empty for other kinds than configurations.</summary>
    public IReadOnlyList<ConfigurationMember> Members { get; init; } = [];
}
