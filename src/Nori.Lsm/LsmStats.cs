using Nori.IO;

namespace Nori.Lsm;

/// <summary>The engine's state at one moment; figures of one call need not be from the same instant.</summary>
public sealed record LsmStats
{
    /// <summary>Level 0 first.</summary>
    public required IReadOnlyList<LsmLevelStats> Levels { get; init; }

    /// <summary>Bytes in memtables, sealed ones included.</summary>
    public long MemtableBytes { get; init; }

    /// <summary>Sealed memtables that are not flushed.</summary>
    public int ImmutableMemtables { get; init; }

    /// <summary>Bytes of keys and values written since open.</summary>
    public long UserBytesWritten { get; init; }

    /// <summary>Table bytes written by flushes since open.</summary>
    public long FlushedBytes { get; init; }

    /// <summary>Table bytes read by compactions since open.</summary>
    public long CompactionReadBytes { get; init; }

    /// <summary>Table bytes written by compactions since open.</summary>
    public long CompactionWrittenBytes { get; init; }

    /// <summary>Table bytes written per user byte since open; 0 before the first flush.</summary>
    public double WriteAmplification { get; init; }

    /// <summary>Bytes that compaction has to move until every level has its size.</summary>
    public long CompactionDebtBytes { get; init; }

    /// <summary>Times a write had to wait for background work.</summary>
    public long Stalls { get; init; }

    /// <summary>Time that writes spent stopped or slowed.</summary>
    public TimeSpan StallTime { get; init; }

    /// <summary>True while a write would stop.</summary>
    public bool IsStalled { get; init; }

    /// <summary>Block cache hits since open.</summary>
    public long CacheHits { get; init; }

    /// <summary>Block cache misses since open.</summary>
    public long CacheMisses { get; init; }

    /// <summary>Bytes of cached blocks.</summary>
    public long CacheBytes { get; init; }

    /// <summary>Snapshots held.</summary>
    public int Snapshots { get; init; }

    /// <summary>The sequence number of the last visible write.</summary>
    public ulong LastSequence { get; init; }

    /// <summary>True while writes are refused because the disk is full.</summary>
    public bool IsDiskFull { get; init; }

    /// <summary>
    /// Why the last flush or compaction that was begun waits to be tried again: a file could not be opened for want of handles or
    /// memory (<see cref="StorageException.IsShortage"/>). Null once one got through.
    /// </summary>
    public StorageException? Shortage { get; init; }

    /// <summary>Why the engine takes no more writes; null while it does.</summary>
    public Exception? Failure { get; init; }

    /// <summary>What the last scrub that came to its end found; null when there was none since opening.</summary>
    public LsmScrubReport? LastScrub { get; init; }
}
