using Nori.Core;

namespace NoriKV.Node.Snapshots;

/// <summary>What a stream comes to. Both sides count; they must agree.</summary>
/// <param name="Chunks">Chunks.</param>
/// <param name="Records">Records in them.</param>
/// <param name="Bytes">Bytes of their payloads.</param>
/// <param name="Hash">xxHash64 of the last payload, seeded with that of the one before, and so on from 0.</param>
internal readonly record struct SnapshotTotals(uint Chunks, ulong Records, ulong Bytes, ulong Hash)
{
    /// <summary>With one more chunk.</summary>
    public SnapshotTotals Add(ReadOnlySpan<byte> payload) => this with
    {
        Chunks = Chunks + 1,
        Bytes = Bytes + (ulong)payload.Length,
        Hash = XxHash64.Hash(payload, Hash),
    };
}
