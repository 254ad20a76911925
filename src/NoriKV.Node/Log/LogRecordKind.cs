namespace NoriKV.Node.Log;

/// <summary>What a record of the shared log says; the WAL's record type. Values are part of the format.</summary>
public enum LogRecordKind : byte
{
    /// <summary>
    /// An entry. At an index at or below the last one it cuts the suffix behind it; nothing else does.
    /// </summary>
    Append = 1,

    /// <summary>A replica's term, vote and commit index.</summary>
    HardState = 2,

    /// <summary>
    /// An entry moved forward so that its old segment can go. Changes where it lies and nothing else.
    /// </summary>
    Rewrite = 3,

    /// <summary>The entries up to an index are gone; its term is remembered.</summary>
    TruncatePrefix = 4,

    /// <summary>Everything of a replica is gone, for ever.</summary>
    Clean = 5,
}
