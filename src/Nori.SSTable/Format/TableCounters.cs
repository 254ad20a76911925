namespace Nori.SSTable.Format;

/// <summary>What a builder counts while it writes. A mutable struct: one owner.</summary>
internal struct TableCounters
{
    public long Entries;
    public long Deletes;
    public long ExpiringEntries;
    public long DistinctKeys;
    public long DataBlocks;
    public long IndexBlocks;
    public long RawKeyBytes;
    public long RawValueBytes;
    public long DataBytes;
    public long IndexBytes;
    public ulong SmallestSequence;
    public ulong LargestSequence;

    public void CountEntry(int keyBytes, int valueBytes, EntryKind kind, bool isNewKey)
    {
        Entries++;
        if (kind == EntryKind.Delete) Deletes++;
        if (kind == EntryKind.PutWithExpiry) ExpiringEntries++;
        if (isNewKey) DistinctKeys++;
        RawKeyBytes += keyBytes;
        RawValueBytes += valueBytes;
    }

    public void CountSequence(ulong sequence, bool isFirst)
    {
        SmallestSequence = isFirst ? sequence : Math.Min(SmallestSequence, sequence);
        LargestSequence = Math.Max(LargestSequence, sequence);
    }

    public void CountBlock(BlockRole role, BlockHandle handle)
    {
        long bytes = handle.Length + TableFormat.TrailerBytes;
        switch (role)
        {
            case BlockRole.Data:
                DataBlocks++;
                DataBytes += bytes;
                break;
            case BlockRole.Index:
                IndexBlocks++;
                IndexBytes += bytes;
                break;
            default:
                IndexBytes += bytes;
                break;
        }
    }

    public readonly TableProperties ToProperties() => new()
    {
        Entries = Entries,
        Deletes = Deletes,
        ExpiringEntries = ExpiringEntries,
        DistinctKeys = DistinctKeys,
        DataBlocks = DataBlocks,
        IndexBlocks = IndexBlocks,
        RawKeyBytes = RawKeyBytes,
        RawValueBytes = RawValueBytes,
        DataBytes = DataBytes,
        IndexBytes = IndexBytes,
        SmallestSequence = SmallestSequence,
        LargestSequence = LargestSequence,
    };
}
