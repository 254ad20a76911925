namespace NoriKV.Node.Snapshots;

/// <summary>What is wrong with a frame.</summary>
internal enum SnapshotFrameFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Its checksum or its layout.</summary>
    Damaged,

    /// <summary>It is of another cluster.</summary>
    Foreign,

    /// <summary>A later version wrote it.</summary>
    UnknownFormat,
}
