using System.Security.Cryptography;
using Nori.Compression;
using Nori.IO;
using Nori.Observe;

namespace Nori.Wal;

/// <summary>How a log behaves. Print it at start; <see cref="Validate"/> names every problem.</summary>
public sealed record WalOptions
{
    /// <summary>The log's directory, created when missing. One log, one process at a time.</summary>
    public required string Directory { get; init; }

    /// <summary>Where it lies.</summary>
    /// <value>The disk.</value>
    public IFileSystem FileSystem { get; init; } = DiskFileSystem.Instance;

    // Behaviour.

    /// <summary>When an append completes.</summary>
    /// <value><see cref="SyncPolicy.Batch"/>.</value>
    public SyncPolicy Sync { get; init; } = SyncPolicy.Batch;

    /// <summary>What opening does about damaged records that were durable.</summary>
    /// <value><see cref="CorruptionAction.Throw"/>.</value>
    public CorruptionAction OnCorruption { get; init; } = CorruptionAction.Throw;

    /// <summary>
    /// How far the owner knows from elsewhere that the log was durable, such as a <see cref="WalLog.DurableEnd"/> that it wrote down:
    /// a log that ends before is damaged, although it looks like one that a crash cut.
    /// </summary>
    /// <value>The beginning: only what the log itself says.</value>
    public WalPosition DurableAtLeast { get; init; } = WalPosition.Start;

    /// <summary>Codec of the records that shrink under it.</summary>
    /// <value>None.</value>
    public CompressionType Compression { get; init; } = CompressionType.None;

    /// <summary>Payloads below this many bytes are stored as they are.</summary>
    /// <value>256.</value>
    public int CompressionThresholdBytes { get; init; } = 256;

    /// <summary>
    /// Each batch ends with a block of 584 bytes from which any one damaged sector of 512 bytes is put together again when the log
    /// is opened: also in the last synced batch, where damage looks like a torn write. Ignored under Os.
    /// </summary>
    /// <value>False.</value>
    public bool RepairBlocks { get; init; }

    // Performance.

    /// <summary>How long a round of group commit may wait for company, when the round before had some.</summary>
    /// <value>Zero: company gathers only while a sync runs.</value>
    public TimeSpan BatchWindow { get; init; } = TimeSpan.Zero;

    /// <summary>A segment's size; a larger batch gets a segment of its own.</summary>
    /// <value>128 MiB.</value>
    public long SegmentBytes { get; init; } = 128L << 20;

    /// <summary>Deleted segments kept for reuse: overwriting them costs no metadata.</summary>
    /// <value>2.</value>
    public int RecycledSegmentsMax { get; init; } = 2;

    /// <summary>The most zeros written ahead of the end, so that small synced appends change no metadata.</summary>
    /// <value>1 MiB; 0 turns it off.</value>
    public int ZeroAheadBytesMax { get; init; } = 1 << 20;

    /// <summary>The largest payload.</summary>
    /// <value>16 MiB.</value>
    public int RecordBytesMax { get; init; } = 16 << 20;

    /// <summary>The largest batch, headers included.</summary>
    /// <value>32 MiB.</value>
    public int BatchBytesMax { get; init; } = 32 << 20;

    /// <summary>Bytes waiting to be written before appends wait.</summary>
    /// <value>64 MiB.</value>
    public long QueueBytesMax { get; init; } = 64L << 20;

    /// <summary>How long the log is idle before it notes, unsynced, how far it is durable.</summary>
    /// <value>10 ms.</value>
    public TimeSpan IdleMarkDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>False: no thread; the owner calls <see cref="Wal.RunOnce"/> (simulation). Ignored under Os.</summary>
    /// <value>True.</value>
    public bool RunLoop { get; init; } = true;

    // What it is wired to.

    /// <summary>Makes segment epochs unguessable, so that no payload can pose as a header.</summary>
    /// <value>Random.</value>
    public ulong Seed { get; init; } = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    /// <summary>Takes measurements.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Takes events.</summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        void Require(bool condition, string problem)
        {
            if (!condition) problems.Add(problem);
        }

        Require(!string.IsNullOrEmpty(Directory), "Directory must be given");
        Require(Enum.IsDefined(Sync), "Sync must be Always, Batch or Os");
        Require(Enum.IsDefined(OnCorruption), "OnCorruption must be Throw or Report");
        Require(Enum.IsDefined(Compression), "Compression must be None, Snappy, Lz4 or Zstd");
        Require(CompressionThresholdBytes >= 0, "CompressionThresholdBytes must not be negative");
        Require(BatchWindow >= TimeSpan.Zero && BatchWindow <= TimeSpan.FromSeconds(1),
            "BatchWindow must lie between 0 and 1 s");
        Require(SegmentBytes >= 16 << 10 && SegmentBytes <= 2L << 30,
            "SegmentBytes must lie between 16 KiB and 2 GiB");
        Require(RecycledSegmentsMax is >= 0 and <= 1024, "RecycledSegmentsMax must lie between 0 and 1024");
        Require(ZeroAheadBytesMax is >= 0 and <= 64 << 20, "ZeroAheadBytesMax must lie between 0 and 64 MiB");
        Require(RecordBytesMax is >= 1 and <= 512 << 20, "RecordBytesMax must lie between 1 byte and 512 MiB");
        Require(BatchBytesMax >= (long)RecordBytesMax + WalFormat.BatchOverheadBytes && BatchBytesMax <= WalFormat.BatchBytesMax,
            $"BatchBytesMax must be at most 1 GiB and {WalFormat.BatchOverheadBytes} bytes more than RecordBytesMax");
        Require(QueueBytesMax >= 1, "QueueBytesMax must be positive");
        Require(IdleMarkDelay > TimeSpan.Zero && IdleMarkDelay <= TimeSpan.FromDays(1),
            "IdleMarkDelay must be positive and at most a day");
        return problems;
    }
}
