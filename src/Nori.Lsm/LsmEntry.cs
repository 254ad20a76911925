namespace Nori.Lsm;

/// <summary>A key and what it holds, copied out of an iterator.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
/// <param name="Sequence">The write's sequence number, see <see cref="LsmValueInfo"/>.</param>
/// <param name="ExpiryUnixMs">When it expires, in Unix milliseconds; 0 never.</param>
public readonly record struct LsmEntry(
    ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, ulong Sequence, long ExpiryUnixMs);
