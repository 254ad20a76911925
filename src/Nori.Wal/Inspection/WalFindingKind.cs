namespace Nori.Wal;

/// <summary>What an inspection found to be other than it should.</summary>
public enum WalFindingKind
{
    /// <summary>Damage below what was known durable: opening refuses the log.</summary>
    Corruption,

    /// <summary>Damage at or above it: opening ends the log there.</summary>
    TornTail,

    /// <summary>One of the two copies of a segment's header is damaged; nothing is lost.</summary>
    HeaderCopy,

    /// <summary>A segment between others is not there.</summary>
    MissingSegment,

    /// <summary>A file that is not this log's.</summary>
    ForeignFile,

    /// <summary>Damage of one sector of a batch with a repair block: opening puts it right, and nothing is lost.</summary>
    Repairable,
}
