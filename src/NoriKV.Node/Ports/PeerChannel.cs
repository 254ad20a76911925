namespace NoriKV.Node.Ports;

/// <summary>Streams between two nodes that do not wait for each other: a snapshot never delays a heartbeat.</summary>
public enum PeerChannel : byte
{
    /// <summary>Batches of Raft messages (docs/formats/peer-batch.md).</summary>
    Raft = 1,

    /// <summary>Chunks of snapshots.</summary>
    Snapshot = 2,

    /// <summary>Calls that keep the cluster together: registry, views, commands (docs/formats/peer-call.md).</summary>
    Control = 3,

    /// <summary>Clients' requests that another node serves (docs/formats/peer-call.md).</summary>
    Forward = 4,
}
