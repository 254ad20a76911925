using Nori.Compression;
using Nori.Observe;

namespace NoriKV.Node.Snapshots;

/// <summary>How snapshots of shards travel between nodes.</summary>
public sealed record SnapshotOptions
{
    // Set by the node.

    /// <summary>Told apart from other clusters by this; frames of others are refused.</summary>
    public ulong ClusterHash { get; init; }

    /// <summary>Makes numbers of streams; another one at each start of the process.</summary>
    public ulong Seed { get; init; }

    /// <summary>Milliseconds that session records live beyond their stamp: the machine's retention.</summary>
    /// <value>10 min.</value>
    public TimeSpan IdempotencyRetention { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Takes measurements.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Takes events.</summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    // Behaviour.

    /// <summary>Snapshots sent at the same time; others wait. <value>2</value></summary>
    public int OutgoingMax { get; init; } = 2;

    /// <summary>Snapshots received at the same time; others are told to come again. <value>2</value></summary>
    public int IncomingMax { get; init; } = 2;

    /// <summary>Bytes of a chunk's payload. <value>256 KiB</value></summary>
    public int ChunkBytes { get; init; } = 256 << 10;

    /// <summary>Bytes of chunks of one stream that are sent and not confirmed: the sender's memory. <value>2 MiB</value></summary>
    public int WindowBytes { get; init; } = 2 << 20;

    /// <summary>Bytes of frames that arrived and were not yet looked at; beyond, they are dropped and sent again.</summary>
    /// <value>8 MiB</value>
    public int InboxBytesMax { get; init; } = 8 << 20;

    /// <summary>Bytes a second this node sends, over all streams; 0 without a limit. <value>128 MiB</value></summary>
    public long BytesPerSecond { get; init; } = 128L << 20;

    /// <summary>How long the sender waits for a sign of progress before it sends again. <value>1 s</value></summary>
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a stream stays without progress before either side gives it up. <value>30 s</value></summary>
    public TimeSpan IdleMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a sender holds one view of the engine, which keeps what is deleted from being reclaimed.</summary>
    /// <value>30 min</value>
    public TimeSpan ViewMax { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How often a stream is begun anew after damage or a restart of the receiver. <value>5</value></summary>
    public int AttemptsMax { get; init; } = 5;

    /// <summary>Bytes of a received table. <value>64 MiB</value></summary>
    public long TableBytes { get; init; } = 64L << 20;

    /// <summary>Compression of received tables. <value>LZ4 where the system has it, else Snappy.</value></summary>
    public CompressionType Compression { get; init; } =
        BlockCodecs.IsAvailable(CompressionType.Lz4) ? CompressionType.Lz4 : CompressionType.Snappy;

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Require(OutgoingMax >= 1, "OutgoingMax must be positive");
        Require(IncomingMax >= 1, "IncomingMax must be positive");
        Require(ChunkBytes is >= 64 and <= 4 << 20, "ChunkBytes must lie between 64 bytes and 4 MiB");
        Require(WindowBytes >= ChunkBytes, "WindowBytes must not be below ChunkBytes");
        Require(InboxBytesMax >= ChunkBytes, "InboxBytesMax must not be below ChunkBytes");
        Require(BytesPerSecond >= 0, "BytesPerSecond must not be negative");
        Require(RetryInterval > TimeSpan.Zero, "RetryInterval must be positive");
        Require(IdleMax > RetryInterval, "IdleMax must be above RetryInterval");
        Require(ViewMax > TimeSpan.Zero, "ViewMax must be positive");
        Require(AttemptsMax >= 1, "AttemptsMax must be positive");
        Require(TableBytes >= 1024, "TableBytes must be at least 1 KiB");
        return problems;

        void Require(bool good, string problem)
        {
            if (!good) problems.Add(problem);
        }
    }
}
