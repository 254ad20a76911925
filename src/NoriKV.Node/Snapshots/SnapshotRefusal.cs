namespace NoriKV.Node.Snapshots;

/// <summary>Why a receiver does not take, or go on with, a stream. Part of the format.</summary>
internal enum SnapshotRefusal : byte
{
    /// <summary>The log there goes as far already.</summary>
    NotNeeded = 1,

    /// <summary>It takes as many as it may, or has no slot yet: come again.</summary>
    Busy = 2,

    /// <summary>Its disk is full or fails, or its engine takes no tables.</summary>
    NoSpace = 3,

    /// <summary>What came is not what was sent: begin anew.</summary>
    Damaged = 4,

    /// <summary>It knows no such stream, perhaps since a restart: begin anew.</summary>
    Unknown = 5,
}
