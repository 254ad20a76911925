using Nori.IO;
using Nori.Observe;
using NoriKV.Node;

namespace NoriKV.Embedded;

/// <summary>A node in the process.</summary>
public sealed record EmbeddedOptions
{
    // Behaviour

    /// <summary>Where the data is kept; null keeps it in memory, gone with the process. <value>null</value></summary>
    public string? DataDirectory { get; init; }

    /// <summary>How long one operation may take; infinite for no limit. <value>10 s</value></summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long disposing waits for operations in flight. <value>5 s</value></summary>
    public TimeSpan StopLimit { get; init; } = TimeSpan.FromSeconds(5);

    // Performance

    /// <summary>Bytes of the memtable before it is flushed. <value>16 MiB</value></summary>
    public long MemtableBytes { get; init; } = 16L << 20;

    /// <summary>Bytes of cached table blocks. <value>64 MiB</value></summary>
    public long BlockCacheBytes { get; init; } = 64L << 20;

    /// <summary>Bytes of a segment of the log. <value>32 MiB</value></summary>
    public long LogSegmentBytes { get; init; } = 32L << 20;

    // Observation

    /// <summary>Takes measurements. <value>None.</value></summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Takes events. <value>None.</value></summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    // Fixed by the first open of a data directory

    /// <summary>Shards, as of a cluster; 1 to 65,536. <value>16</value></summary>
    public int TotalShards { get; init; } = 16;

    // For tests

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Every problem of these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (DataDirectory is { Length: 0 }) problems.Add("DataDirectory is empty: name one, or null for memory");
        if (Deadline <= TimeSpan.Zero && Deadline != Timeout.InfiniteTimeSpan) problems.Add("Deadline must be positive");
        if (StopLimit <= TimeSpan.Zero) problems.Add("StopLimit must be positive");
        if (TotalShards is < 1 or > 65_536) problems.Add("TotalShards must be 1 to 65,536");
        return problems;
    }

    internal NodeOptions ToNode() => new()
    {
        NodeName = "embedded",
        DataDirectory = DataDirectory is null ? "/embedded" : Path.GetFullPath(DataDirectory),
        FileSystem = DataDirectory is null ? new MemoryFileSystem() : DiskFileSystem.Instance,
        TotalShards = TotalShards,
        MemtableBytes = MemtableBytes,
        BlockCacheBytes = BlockCacheBytes,
        LogSegmentBytes = LogSegmentBytes,
        Meter = Meter,
        Events = Events,
        Time = Time,
    };
}
