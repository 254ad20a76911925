using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>A whole snapshot.</summary>
/// <param name="Meta">What it covers.</param>
/// <param name="Bytes">How long it is.</param>
/// <param name="Checksum">The CRC-32C of its bytes.</param>
public sealed record StoredSnapshot(SnapshotMeta Meta, long Bytes, uint Checksum);
