namespace Nori.Lsm;

/// <summary>What is known of a found value beside its bytes.</summary>
/// <param name="Length">The value's bytes.</param>
/// <param name="Sequence">
/// The write's sequence number; 0 once a compaction found that nothing older of the key is left and every snapshot sees it.
/// </param>
/// <param name="ExpiryUnixMs">When it expires, in Unix milliseconds; 0 never.</param>
public readonly record struct LsmValueInfo(int Length, ulong Sequence, long ExpiryUnixMs);
