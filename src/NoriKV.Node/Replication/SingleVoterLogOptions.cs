using Nori.Observe;
using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>How a log with one voter per shard works.</summary>
internal sealed record SingleVoterLogOptions
{
    public required NodeNumber Node { get; init; }

    /// <summary>Always and Batch answer after the sync; Os does not wait for one.</summary>
    public SyncPolicy Sync { get; init; } = SyncPolicy.Batch;

    /// <summary>Bytes at which a batch is written although more waits.</summary>
    public int BatchBytesMax { get; init; } = 8 << 20;

    /// <summary>Entries at which a batch is written although more waits.</summary>
    public int BatchEntriesMax { get; init; } = 16_384;

    /// <summary>Log bytes above which an engine that alone pins old segments is asked to flush.</summary>
    public long EarlyFlushBytes { get; init; } = 512L << 20;

    public IMeter Meter { get; init; } = NullMeter.Instance;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
