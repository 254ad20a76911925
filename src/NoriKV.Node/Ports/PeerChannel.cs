namespace NoriKV.Node.Ports;

/// <summary>Streams between two nodes that do not wait for each other: a snapshot never delays a heartbeat.</summary>
public enum PeerChannel : byte
{
    /// <summary>Batches of Raft messages (docs/formats/peer-batch.md).</summary>
    Raft = 1,

    /// <summary>Chunks of snapshots.</summary>
    Snapshot = 2,
}
