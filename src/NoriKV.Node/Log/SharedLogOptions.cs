using Nori.IO;
using Nori.Observe;
using Nori.Wal;

namespace NoriKV.Node.Log;

/// <summary>How a node's shared log behaves.</summary>
public sealed record SharedLogOptions
{
    /// <summary>The log's directory.</summary>
    public required string Directory { get; init; }

    /// <summary>Where it lies.</summary>
    /// <value>The disk.</value>
    public IFileSystem FileSystem { get; init; } = DiskFileSystem.Instance;

    /// <summary>Tells the WAL what is usual; when to sync is the owner's decision.</summary>
    /// <value><see cref="SyncPolicy.Batch"/>.</value>
    public SyncPolicy Sync { get; init; } = SyncPolicy.Batch;

    /// <summary>What opening does about damage of what was durable.</summary>
    /// <value>Throws; Report lists the groups that may have lost something.</value>
    public CorruptionAction OnCorruption { get; init; } = CorruptionAction.Throw;

    /// <summary>
    /// Batches from which any one damaged sector is put together again at opening, the last synced one included: without it a
    /// flipped bit there looks like a torn write, and a vote or an entry that was confirmed is gone unnoticed.
    /// </summary>
    /// <value>True. Ignored under Os.</value>
    public bool RepairBlocks { get; init; } = true;

    /// <summary>A segment's size.</summary>
    /// <value>128 MiB.</value>
    public long SegmentBytes { get; init; } = 128L << 20;

    /// <summary>Deleted segments kept for reuse.</summary>
    /// <value>2.</value>
    public int RecycledSegmentsMax { get; init; } = 2;

    /// <summary>The largest envelope.</summary>
    /// <value>16 MiB.</value>
    public int EnvelopeBytesMax { get; init; } = 16 << 20;

    /// <summary>The largest write batch.</summary>
    /// <value>32 MiB.</value>
    public int BatchBytesMax { get; init; } = 32 << 20;

    /// <summary>Bytes of entries the node keeps before the group that retains most must let go.</summary>
    /// <value>4 GiB.</value>
    public long LiveBytesMax { get; init; } = 4L << 30;

    /// <summary>
    /// Entries the node keeps (24 bytes of memory each) before the group that retains most must let go.
    /// </summary>
    /// <value>4 million.</value>
    public long LiveEntriesMax { get; init; } = 4_000_000;

    /// <summary>
    /// A segment is emptied by moving its live entries forward when they fill no more than this part of it.
    /// </summary>
    /// <value>0.25.</value>
    public double RewriteFractionMax { get; init; } = 0.25;

    /// <summary>Randomises the WAL's epochs; null: random.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Takes measurements.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Takes events.</summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Every problem with these options, in words.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [.. ToWal().Validate()];
        if (LiveBytesMax <= 0) problems.Add("LiveBytesMax must be positive");
        if (LiveEntriesMax <= 0) problems.Add("LiveEntriesMax must be positive");
        if (RewriteFractionMax is not (>= 0 and <= 1)) problems.Add("RewriteFractionMax must lie between 0 and 1");
        return problems;
    }

    internal WalOptions ToWal()
    {
        var options = new WalOptions
        {
            Directory = Directory,
            FileSystem = FileSystem,
            Sync = Sync,
            OnCorruption = OnCorruption,
            RepairBlocks = RepairBlocks,
            SegmentBytes = SegmentBytes,
            RecycledSegmentsMax = RecycledSegmentsMax,
            RecordBytesMax = EnvelopeBytesMax + LogRecord.EntryHeaderBytes,
            BatchBytesMax = BatchBytesMax,
            Meter = Meter,
            Events = Events,
            Time = Time,
        };
        return Seed is { } seed ? options with { Seed = seed } : options;
    }
}
