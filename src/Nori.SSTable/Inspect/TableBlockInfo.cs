using Nori.Compression;

namespace Nori.SSTable;

/// <summary>One block as <see cref="TableInspector"/> found it.</summary>
/// <param name="Role">What it is for: Data, Index, TopIndex, Filter, RangeDeletes or Properties.</param>
/// <param name="Offset">Where it begins in the file, in bytes.</param>
/// <param name="StoredBytes">Its length in the file with its trailer.</param>
/// <param name="UncompressedBytes">Its length in memory; 0 when it is damaged.</param>
/// <param name="Compression">How it is stored.</param>
/// <param name="Entries">The entries in it; 0 for a filter or a damaged block.</param>
/// <param name="Damage">What is wrong with it; null when it is sound.</param>
public sealed record TableBlockInfo(
    string Role, long Offset, long StoredBytes, int UncompressedBytes, CompressionType Compression,
    int Entries, string? Damage);
