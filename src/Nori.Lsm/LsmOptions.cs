using Nori.Compression;
using Nori.IO;
using Nori.Observe;

namespace Nori.Lsm;

/// <summary>How an engine behaves. Print it at start; <see cref="Validate"/> names every problem.</summary>
public sealed record LsmOptions
{
    /// <summary>The engine's directory, created when missing. One engine, one process at a time.</summary>
    public required string Directory { get; init; }

    /// <summary>Where it lies. <value>The disk.</value></summary>
    public IFileSystem FileSystem { get; init; } = DiskFileSystem.Instance;

    // Behaviour.

    /// <summary>
    /// The write-ahead log and when a write is answered. <value>Batch: after the sync that covers it.</value>
    /// </summary>
    public LsmWalMode WriteAheadLog { get; init; } = LsmWalMode.Batch;

    /// <summary>Who runs the engine on a log of its own. <value>Null: nobody.</value></summary>
    public ILsmOwner? Owner { get; init; }

    /// <summary>
    /// True: the engine owns threads for commit, flush and compaction. False: none; the owner calls
    /// <see cref="LsmEngine.RunOnce"/> (simulation). <value>True.</value>
    /// </summary>
    public bool RunBackground { get; init; } = true;

    /// <summary>Compression of table blocks. <value>LZ4 where the system has it, else Snappy.</value></summary>
    public CompressionType Compression { get; init; } =
        BlockCodecs.IsAvailable(CompressionType.Lz4) ? CompressionType.Lz4 : CompressionType.Snappy;

    /// <summary>
    /// Compression by level, the last one for all deeper levels. <value>Null: Compression everywhere.</value>
    /// </summary>
    public IReadOnlyList<CompressionType>? CompressionByLevel { get; init; }

    /// <summary>
    /// How long a background step that met a full disk, or a shortage of file handles or memory, waits before it tries again.
    /// Behind a full disk writes are taken again once it got through, or nothing waits to be flushed and twice
    /// <see cref="MemtableBytes"/> are free. <value>1 s.</value>
    /// </summary>
    public TimeSpan DiskFullRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long after one scrub of the whole directory the engine begins the next by itself, counted from its opening; zero:
    /// only when asked to. <value>Zero.</value>
    /// </summary>
    public TimeSpan ScrubInterval { get; init; }

    /// <summary>What it does when it meets a damaged table. <value>Throw.</value></summary>
    public LsmDamageAction OnDamage { get; init; } = LsmDamageAction.Throw;

    // Performance.

    /// <summary>Bytes a second that the engine's own scrubs read; 0 as fast as the disk. <value>16 MiB.</value></summary>
    public long ScrubBytesPerSecond { get; init; } = 16L << 20;

    /// <summary>Bytes of a memtable at which it is sealed and flushed. <value>64 MiB.</value></summary>
    public long MemtableBytes { get; init; } = 64L << 20;

    /// <summary>Sealed memtables waiting for flush before writes stop. <value>3.</value></summary>
    public int ImmutableMemtablesMax { get; init; } = 3;

    /// <summary>Tables in level 0 that start a compaction. <value>4.</value></summary>
    public int L0CompactionTrigger { get; init; } = 4;

    /// <summary>
    /// Compactions that may run side by side, each on a thread of its own: while one rewrites deep levels, another empties
    /// level 0. <value>2.</value>
    /// </summary>
    public int CompactionsMax { get; init; } = 2;

    /// <summary>Tables in level 0 from which on writes are slowed. <value>20.</value></summary>
    public int L0SlowdownTrigger { get; init; } = 20;

    /// <summary>Tables in level 0 at which writes stop. <value>36.</value></summary>
    public int L0StopTrigger { get; init; } = 36;

    /// <summary>
    /// Bytes that wait for compaction from which on writes are slowed. <value>64 GiB.</value>
    /// </summary>
    public long CompactionDebtSlowdownBytes { get; init; } = 64L << 30;

    /// <summary>
    /// Bytes a second that slowed writes are held to at first; less as the debt grows. <value>16 MiB.</value>
    /// </summary>
    public long SlowdownBytesPerSecond { get; init; } = 16L << 20;

    /// <summary>Levels, level 0 included. <value>7.</value></summary>
    public int Levels { get; init; } = 7;

    /// <summary>How many times larger each level is than the one above. <value>10.</value></summary>
    public int LevelRatio { get; init; } = 10;

    /// <summary>The most bytes that the first level below level 0 aims at. <value>256 MiB.</value></summary>
    public long BaseLevelBytes { get; init; } = 256L << 20;

    /// <summary>Bytes of a table at which compaction begins the next. <value>64 MiB.</value></summary>
    public long TargetFileBytes { get; init; } = 64L << 20;

    /// <summary>Bytes of a data block. <value>4 KiB.</value></summary>
    public int BlockBytes { get; init; } = 4096;

    /// <summary>Bytes of cached blocks; 0 caches none. <value>256 MiB.</value></summary>
    public long BlockCacheBytes { get; init; } = 256L << 20;

    /// <summary>
    /// Tables open at once; beyond it those not read lately are closed, and opened again when they are read.
    /// <value>4,096.</value>
    /// </summary>
    public int OpenTablesMax { get; init; } = 4096;

    /// <summary>
    /// Bytes of memory that open tables may take for filters and top indexes, kept like
    /// <see cref="OpenTablesMax"/>; 0 has no bound. <value>1 GiB.</value>
    /// </summary>
    public long OpenTablesBytes { get; init; } = 1L << 30;

    /// <summary>Bits of bloom filter a key; 0 none. <value>10 (about 0.9 % false positives).</value></summary>
    public int BloomBitsPerKey { get; init; } = 10;

    /// <summary>
    /// Bytes a second that flush and compaction write together on the average of more than a few steps of compaction
    /// (<see cref="CompactionStepBytes"/> in each lane): flushes count and never wait, compactions wait until all is made up for. 0 as
    /// fast as the disk. <value>0.</value>
    /// </summary>
    public long BackgroundBytesPerSecond { get; init; }

    /// <summary>
    /// Input bytes a compaction step reads before it returns to its loop. <value>4 MiB.</value>
    /// </summary>
    public long CompactionStepBytes { get; init; } = 4L << 20;

    /// <summary>
    /// The most bytes of one write batch in the log. <value>17 MiB: the longest value with the longest key fits.</value>
    /// </summary>
    public int WriteBatchBytesMax { get; init; } = 17 << 20;

    /// <summary>Bytes of a segment of the engine's log. <value>128 MiB.</value></summary>
    public long WalSegmentBytes { get; init; } = 128L << 20;

    /// <summary>Bytes of manifest at which it is written anew. <value>4 MiB.</value></summary>
    public long ManifestBytesMax { get; init; } = 4L << 20;

    // What it is wired to.

    /// <summary>Takes measurements. <value>Nobody.</value></summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Takes events. <value>Nobody.</value></summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    /// <summary>The clock that judges expiry. <value>The system's.</value></summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// Seeds what is random (skip list heights, log epochs). <value>0: from the system.</value>
    /// </summary>
    public ulong Seed { get; init; }

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Require(!string.IsNullOrEmpty(Directory), "Directory must be given");
        Require(Enum.IsDefined(WriteAheadLog), "WriteAheadLog must be None, Always, Batch or Os");
        Require(MemtableBytes is >= 1024 and <= 4L << 30, "MemtableBytes must lie between 1 KiB and 4 GiB");
        Require(ImmutableMemtablesMax is >= 1 and <= 64, "ImmutableMemtablesMax must lie between 1 and 64");
        Require(CompactionsMax is >= 1 and <= 16, "CompactionsMax must lie between 1 and 16");
        Require(L0CompactionTrigger >= 1, "L0CompactionTrigger must be at least 1");
        Require(L0SlowdownTrigger >= L0CompactionTrigger, "L0SlowdownTrigger must not be below L0CompactionTrigger");
        Require(L0StopTrigger >= L0SlowdownTrigger, "L0StopTrigger must not be below L0SlowdownTrigger");
        Require(CompactionDebtSlowdownBytes >= 1, "CompactionDebtSlowdownBytes must be positive");
        Require(SlowdownBytesPerSecond >= 1024, "SlowdownBytesPerSecond must be at least 1 KiB");
        Require(Levels is >= 2 and <= 16, "Levels must lie between 2 and 16");
        Require(LevelRatio is >= 2 and <= 100, "LevelRatio must lie between 2 and 100");
        Require(BaseLevelBytes >= 1, "BaseLevelBytes must be positive");
        Require(TargetFileBytes >= 1, "TargetFileBytes must be positive");
        Require(BlockBytes is >= 1 and <= 4 << 20, "BlockBytes must lie between 1 byte and 4 MiB");
        Require(BlockCacheBytes >= 0, "BlockCacheBytes must not be negative");
        Require(OpenTablesMax >= 1, "OpenTablesMax must be positive");
        Require(OpenTablesBytes >= 0, "OpenTablesBytes must not be negative");
        Require(BloomBitsPerKey is >= 0 and <= 32, "BloomBitsPerKey must lie between 0 and 32");
        Require(BackgroundBytesPerSecond >= 0, "BackgroundBytesPerSecond must not be negative");
        Require(CompactionStepBytes >= 1, "CompactionStepBytes must be positive");
        Require(WriteBatchBytesMax is >= 1024 and <= 256 << 20, "WriteBatchBytesMax must lie between 1 KiB and 256 MiB");
        Require(ManifestBytesMax >= 4096, "ManifestBytesMax must be at least 4 KiB");
        Require(Enum.IsDefined(OnDamage), "OnDamage must be Throw or SetApart");
        Require(DiskFullRetry > TimeSpan.Zero && DiskFullRetry <= TimeSpan.FromDays(1),
            "DiskFullRetry must be positive and at most a day");
        Require(ScrubInterval >= TimeSpan.Zero, "ScrubInterval must not be negative");
        Require(ScrubBytesPerSecond >= 0, "ScrubBytesPerSecond must not be negative");
        RequireCodec(Compression, "Compression");
        Require(CompressionByLevel is null || CompressionByLevel.Count > 0, "CompressionByLevel must not be empty");
        foreach (CompressionType codec in CompressionByLevel ?? []) RequireCodec(codec, "CompressionByLevel");
        Require(WalSegmentBytes is >= 16 << 10 and <= 2L << 30, "WalSegmentBytes must lie between 16 KiB and 2 GiB");
        return problems;

        void Require(bool good, string problem)
        {
            if (!good) problems.Add(problem);
        }

        // Here, not at the first flush: that would stop the engine.
        void RequireCodec(CompressionType codec, string option)
        {
            Require(BlockCodecs.IsKnown(codec), $"{option} must be None, Snappy, Lz4 or Zstd");
            bool lacksLibrary = BlockCodecs.IsKnown(codec) && !BlockCodecs.IsAvailable(codec);
            Require(!lacksLibrary, $"{option}: the system's library for {codec} is missing");
        }
    }

    // A memtable's log and its table, so that the refusal does not come back at once.
    internal long DiskFullResumeBytes => 2 * MemtableBytes;

    internal CompressionType CompressionOf(int level) =>
        CompressionByLevel is null ? Compression : CompressionByLevel[Math.Min(level, CompressionByLevel.Count - 1)];
}
