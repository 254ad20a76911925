namespace NoriKV.Node.Snapshots;

/// <summary>What a frame of the snapshot channel says. Part of the format.</summary>
internal enum SnapshotFrameKind : byte
{
    /// <summary>To the receiver: what is to come.</summary>
    Offer = 1,

    /// <summary>To the receiver: a numbered piece of the stream.</summary>
    Chunk = 2,

    /// <summary>To the receiver: how many there were, and their checksum.</summary>
    End = 3,

    /// <summary>To the receiver: the stream is given up.</summary>
    Cancel = 4,

    /// <summary>To the sender: the next chunk wanted.</summary>
    Progress = 5,

    /// <summary>To the sender: why not.</summary>
    Refuse = 6,

    /// <summary>To the sender: it is all there, verified and on disk.</summary>
    Done = 7,
}
