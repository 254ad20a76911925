using System.Security.Cryptography;
using Nori.IO;
using Nori.Observe;
using Nori.Wal;

namespace Nori.Raft.Adapters;

/// <summary>Where a replica's log lies, and how it is kept.</summary>
public sealed record WalRaftLogOptions
{
    private const int RecordBytesMax = 64 << 20;

    /// <summary>The directory, created when missing. One replica, one process at a time.</summary>
    public required string Directory { get; init; }

    /// <summary>Where it lies.</summary>
    /// <value>The disk.</value>
    public IFileSystem FileSystem { get; init; } = DiskFileSystem.Instance;

    /// <summary>The size of a segment; the log is cut by whole segments.</summary>
    /// <value>64 MiB.</value>
    public long SegmentBytes { get; init; } = 64L << 20;

    /// <summary>Entries that share a record; also what one read brings.</summary>
    /// <value>256 KiB.</value>
    public int RecordBytes { get; init; } = 256 << 10;

    /// <summary>Makes segment epochs unguessable.</summary>
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
        List<string> problems = [.. ToWal().Validate()];
        if (RecordBytes is < 64 or > 16 << 20) problems.Add("RecordBytes must lie between 64 bytes and 16 MiB");
        return problems;
    }

    internal WalOptions ToWal() => new()
    {
        Directory = Directory,
        FileSystem = FileSystem,
        // Damage is not the end: what is missing comes from the other replicas (docs/formats/raft-log.md).
        OnCorruption = CorruptionAction.Report,
        // A vote in the last synced batch must not look like a torn write because one bit flipped.
        RepairBlocks = true,
        SegmentBytes = SegmentBytes,
        RecordBytesMax = RecordBytesMax,
        BatchBytesMax = RecordBytesMax + (1 << 20),
        Seed = Seed,
        Meter = Meter,
        Events = Events,
        Time = Time,
    };
}
