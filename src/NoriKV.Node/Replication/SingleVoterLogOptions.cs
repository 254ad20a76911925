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

    /// <summary>Segments of the log above which an engine that alone pins the oldest is asked to flush.</summary>
    public int EarlyFlushSegments { get; init; } = 4;

    /// <summary>True in a node without threads: continuations run inside the step.</summary>
    public bool RunInline { get; init; }

    public IMeter Meter { get; init; } = NullMeter.Instance;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
