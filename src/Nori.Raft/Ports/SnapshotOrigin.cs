namespace Nori.Raft;

/// <summary>Where a snapshot comes from.</summary>
public enum SnapshotOrigin
{
    /// <summary>This replica's state machine.</summary>
    Own,

    /// <summary>Another replica.</summary>
    Received,
}
