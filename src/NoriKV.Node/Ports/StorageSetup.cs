using Nori.IO;
using Nori.Lsm;
using Nori.Observe;

namespace NoriKV.Node.Ports;

/// <summary>What the node tells an engine that it opens by <see cref="NodeOptions.OpenStorage"/>.</summary>
public sealed record StorageSetup
{
    /// <summary>The engine's own directory, inside the node's, whose lock the node holds.</summary>
    public required string Directory { get; init; }

    /// <summary>Where the directory lies. An engine that only knows the disk refuses another.</summary>
    public required IFileSystem FileSystem { get; init; }

    /// <summary>
    /// Says when what is in memory may become durable (never before the log is), and hears of what was sealed and flushed.
    /// </summary>
    public required ILsmOwner Owner { get; init; }

    /// <summary>True: the engine may own threads. False: it is stepped by <see cref="IStorage.RunOnce"/>.</summary>
    public bool RunBackground { get; init; }

    /// <summary>Bytes in memory at which it flushes.</summary>
    public long MemtableBytes { get; init; }

    /// <summary>Bytes of cached blocks.</summary>
    public long BlockCacheBytes { get; init; }

    /// <summary>Takes measurements.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Takes events.</summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Seeds what is random.</summary>
    public ulong Seed { get; init; }
}
