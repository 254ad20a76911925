using Nori.Observe;
using Nori.Wal;

namespace NoriKV.Node.Replication;

/// <summary>How the log's step works.</summary>
internal sealed record LogWriterOptions
{
    /// <summary>Always and Batch hand back after the sync; Os does not wait for one (lone voters only).</summary>
    public SyncPolicy Sync { get; init; } = SyncPolicy.Batch;

    /// <summary>Bytes at which a batch is written although more waits.</summary>
    public int BatchBytesMax { get; init; } = 8 << 20;

    /// <summary>Bytes of batches that one sync covers although more waits.</summary>
    public long SyncBytesMax { get; init; } = 32 << 20;

    /// <summary>Segments of the log above which an engine that alone pins the oldest is asked to flush.</summary>
    public int EarlyFlushSegments { get; init; } = 4;

    /// <summary>How long a batch that met a full disk waits.</summary>
    public TimeSpan DiskFullRetry { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Where it counts.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
