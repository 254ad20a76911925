namespace Nori.Wal;

/// <summary>What an inspection found.</summary>
public sealed record WalInspection
{
    /// <summary>The segments, oldest first.</summary>
    public required IReadOnlyList<WalSegmentInspection> Segments { get; init; }

    /// <summary>What is other than it should be; empty in a healthy log.</summary>
    public required IReadOnlyList<WalFinding> Findings { get; init; }

    /// <summary>The greatest position that any header, or who asked, calls durable.</summary>
    public required WalPosition Durable { get; init; }

    /// <summary>Files kept for reuse.</summary>
    public required int FreeFiles { get; init; }

    /// <summary>True when opening would refuse the log.</summary>
    public bool IsCorrupt =>
        Findings.Any(finding => finding.Kind is WalFindingKind.Corruption or WalFindingKind.MissingSegment);
}
