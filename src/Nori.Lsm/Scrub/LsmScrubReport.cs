namespace Nori.Lsm;

/// <summary>What a scrub checked and found.</summary>
public sealed record LsmScrubReport
{
    /// <summary>False when it was stopped before its end; <see cref="Position"/> says where.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>Where one that resumes goes on.</summary>
    public required LsmScrubPosition Position { get; init; }

    /// <summary>Tables checked whole.</summary>
    public required int Tables { get; init; }

    /// <summary>Segments of the log checked whole.</summary>
    public required int Segments { get; init; }

    /// <summary>Bytes read.</summary>
    public required long BytesChecked { get; init; }

    /// <summary>What is not as it should be, in the order found.</summary>
    public required IReadOnlyList<LsmScrubFinding> Findings { get; init; }

    /// <summary>True when nothing is damaged.</summary>
    public bool IsSound => !Findings.Any(static finding => finding.IsDamage);
}
