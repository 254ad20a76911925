namespace Nori.Lsm;

/// <summary>A table as the manifest has it.</summary>
/// <param name="Level">Its level.</param>
/// <param name="Number">Its file number.</param>
/// <param name="Path">Its file.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="Entries">Its point entries.</param>
/// <param name="Deletes">Deletes among them.</param>
/// <param name="RangeDeletes">Its range deletes.</param>
/// <param name="SmallestSequence">Its least sequence number.</param>
/// <param name="LargestSequence">Its greatest sequence number.</param>
/// <param name="IsIngested">True: it was ingested, and all its entries have that one sequence number.</param>
/// <param name="Smallest">Its least key.</param>
/// <param name="Largest">Its greatest key.</param>
public sealed record LsmTableInfo(
    int Level,
    ulong Number,
    string Path,
    long Bytes,
    long Entries,
    long Deletes,
    long RangeDeletes,
    ulong SmallestSequence,
    ulong LargestSequence,
    bool IsIngested,
    ReadOnlyMemory<byte> Smallest,
    ReadOnlyMemory<byte> Largest);
