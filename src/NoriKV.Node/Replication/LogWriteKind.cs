namespace NoriKV.Node.Replication;

/// <summary>What a worker writes into the log.</summary>
internal enum LogWriteKind
{
    /// <summary>An entry; cuts what stands at its index and behind.</summary>
    Entry,

    /// <summary>Term, vote, commit.</summary>
    HardState,

    /// <summary>Forgets entries through an index.</summary>
    TruncatePrefix,

    /// <summary>A snapshot takes the place of the whole log.</summary>
    InstallSnapshot,

    /// <summary>Forgets the replica; its id never comes back.</summary>
    Clean,
}
