namespace Nori.SSTable.Blocks;

/// <summary>What validation learned about a block.</summary>
internal readonly record struct BlockLayout(
    int EntriesLength, int RestartCount, int EntryCount, int KeyLengthMax);
