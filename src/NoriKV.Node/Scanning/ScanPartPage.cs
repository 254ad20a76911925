using NoriKV.Types;

namespace NoriKV.Node.Scanning;

/// <summary>What one node has of a page: the first pairs of some shards, merged.</summary>
/// <param name="Pairs">In the scan's order.</param>
/// <param name="Count">Pairs seen, those included that are only counted.</param>
/// <param name="IsDone">Nothing follows in these shards.</param>
/// <param name="LastKey">Through where they were read; null where nothing was.</param>
/// <param name="StalenessMs">At most this old; null where nothing can be said.</param>
internal sealed record ScanPartPage(
    IReadOnlyList<KvPair> Pairs, long Count, bool IsDone, byte[]? LastKey, long? StalenessMs);
