using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Snapshots;

/// <summary>What all streams of a node share.</summary>
internal sealed class SnapshotLine(
    SnapshotOptions options, IStorage storage, ReplicaTable replicas, ISnapshotHost host,
    Func<NodeNumber, ReadOnlyMemory<byte>, bool> send)
{
    private readonly uint _start = (uint)(options.Seed ^ (options.Seed >> 32));
    private uint _streams;

    public SnapshotOptions Options => options;

    public IStorage Storage => storage;

    public required NodeSlots Slots { get; init; }

    public ReplicaTable Replicas => replicas;

    public ISnapshotHost Host => host;

    public ByteBudget Budget { get; } = new(options.BytesPerSecond, options.Time);

    public SnapshotCounters Counters { get; } = new(options.Meter);

    public long RetentionMs { get; } = (long)options.IdempotencyRetention.TotalMilliseconds;

    public long Now => options.Time.GetTimestamp();

    public TimeSpan Elapsed(long from, long to) => options.Time.GetElapsedTime(from, to);

    public long Ticks(TimeSpan span) => (long)(span.TotalSeconds * options.Time.TimestampFrequency);

    /// <summary>A number that no stream had before: this start in the high half.</summary>
    public ulong NextStream() => ((ulong)_start << 32) | ++_streams;

    public bool Send(NodeNumber node, byte[] frame)
    {
        if (!send(node, frame)) return false;
        Counters.BytesSent.Add(frame.Length);
        return true;
    }
}
