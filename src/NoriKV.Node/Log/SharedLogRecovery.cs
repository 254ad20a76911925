using Nori.Wal;

namespace NoriKV.Node.Log;

/// <summary>What opening the shared log found.</summary>
public sealed record SharedLogRecovery
{
    /// <summary>What the WAL found.</summary>
    public required RecoveryReport Wal { get; init; }

    /// <summary>Groups with state.</summary>
    public int Groups { get; init; }

    /// <summary>Entries kept.</summary>
    public long Entries { get; init; }

    /// <summary>Records of replicas that are gone.</summary>
    public long DroppedRecords { get; init; }

    /// <summary>
    /// Groups that may have lost something durable; empty unless damage was reported. A group all of whose records
    /// were in
    /// the damage is not known at all: after damage, a shard that should be here and has no state is in doubt as
    /// well.
    /// </summary>
    public IReadOnlyList<SuspectGroup> Suspects { get; init; } = [];
}
