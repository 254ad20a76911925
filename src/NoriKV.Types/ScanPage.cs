namespace NoriKV.Types;

/// <summary>A part of a scan, in key order.</summary>
/// <param name="Pairs">The pairs of this page.</param>
/// <param name="NextPageToken">Where to go on; empty when nothing follows.</param>
/// <param name="Count">Pairs seen by the whole scan so far.</param>
/// <param name="Meta">What the answer says about itself.</param>
public sealed record ScanPage(
    IReadOnlyList<KvPair> Pairs, ReadOnlyMemory<byte> NextPageToken, long Count, KvMeta Meta);
