namespace Nori.Lsm;

/// <summary>What a key holds: a copy that belongs to the caller.</summary>
/// <param name="Value">The bytes.</param>
/// <param name="Sequence">
/// The write's sequence number in this engine, see <see cref="LsmValueInfo"/>; it never leaves the engine's directory.
/// </param>
/// <param name="ExpiryUnixMs">When it expires, in Unix milliseconds; 0 never.</param>
public readonly record struct LsmValue(ReadOnlyMemory<byte> Value, ulong Sequence, long ExpiryUnixMs);
