namespace Nori.Lsm;

/// <summary>A table that is set apart because a part of it cannot be read.</summary>
/// <param name="Number">Its number.</param>
/// <param name="File">Its file.</param>
/// <param name="Offset">Where the first damage that was met begins.</param>
/// <param name="Description">What was expected there and what was found.</param>
/// <param name="Smallest">The least key that it may hold.</param>
/// <param name="Largest">The greatest key that it may hold.</param>
/// <param name="IsReadable">
/// False: as a whole it cannot be read, and what range deletes it held is not known; every key in its bounds is in doubt.
/// </param>
public sealed record LsmDamagedTable(
    ulong Number, string File, long Offset, string Description, ReadOnlyMemory<byte> Smallest, ReadOnlyMemory<byte> Largest,
    bool IsReadable);
