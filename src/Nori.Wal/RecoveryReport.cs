namespace Nori.Wal;

/// <summary>What opening a log found.</summary>
public sealed record RecoveryReport
{
    /// <summary>Segments kept.</summary>
    public int Segments { get; init; }

    /// <summary>Whole batches found.</summary>
    public long Batches { get; init; }

    /// <summary>Records in them.</summary>
    public long Records { get; init; }

    /// <summary>Bytes of the batches, headers included.</summary>
    public long Bytes { get; init; }

    /// <summary>Behind the last whole batch: where the log went on.</summary>
    public WalPosition End { get; init; }

    /// <summary>The greatest position that any header says was synced; damage below it is corruption.</summary>
    public WalPosition DurableKnown { get; init; }

    /// <summary>Bytes behind <see cref="End"/> that looked like this log's and were dropped as a torn tail.</summary>
    public long TornTailBytes { get; init; }

    /// <summary>True when the log was closed in order.</summary>
    public bool CleanShutdown { get; init; }

    /// <summary>
    /// Damage below <see cref="DurableKnown"/>; empty unless <see cref="WalOptions.OnCorruption"/> says Report.
    /// </summary>
    public IReadOnlyList<WalDamage> Damage { get; init; } = [];

    /// <summary>Batches with a damaged sector that was put right (<see cref="WalOptions.RepairBlocks"/>).</summary>
    public int RepairedBatches { get; init; }

    /// <summary>Names in the directory that are not this log's; they are left alone.</summary>
    public IReadOnlyList<string> IgnoredFiles { get; init; } = [];

    /// <summary>How long opening took.</summary>
    public TimeSpan Elapsed { get; init; }
}
