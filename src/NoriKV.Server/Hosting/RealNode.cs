using Nori.Compression;
using Nori.Lsm;
using Nori.Wal;
using NoriKV.Node;
using NoriKV.Node.Directory;
using NoriKV.Node.Machine;
using NoriKV.Node.Snapshots;
using NoriKV.Node.Ports;
using NoriKV.Node.Storage;
using NoriKV.Node.Tracing;
using NoriKV.Storage.RocksDb;
using NoriKV.Transport.Grpc;

namespace NoriKV.Server;

/// <summary>Starts the node as the server's options say.</summary>
internal static class RealNode
{
    public static async ValueTask<StartedNode> StartAsync(NodeSetup setup, CancellationToken cancellationToken)
    {
        try
        {
            NoriNode node = await NoriNode.StartAsync(OptionsOf(setup), cancellationToken).ConfigureAwait(false);
            node.SlowOperations.Noted = setup.SlowNoted;
            return new StartedNode(node, node.SetAdvertiseAddress, node.Warnings)
            {
                SetMembers = node.SetMembers,
                NoteDismissed = node.NoteDismissed,
                Identity = new PeerIdentity(node.Number, node.ClusterId, node.StoreUuid),
                Join = node.JoinAsync,
                Live = node,
            };
        }
        catch (Exception refused) when (refused is NodeStartException or ArgumentException)
        {
            throw new ServerStartException(refused.Message, ExitCodes.Usage, refused);
        }
    }

    private static NodeOptions OptionsOf(NodeSetup setup)
    {
        ServerOptions options = setup.Options;
        return new NodeOptions
        {
            NodeName = options.NodeId,
            DataDirectory = options.DataDirectory,
            FileSystem = setup.FileSystem,
            AdvertiseAddress = setup.AdvertiseAddress,
            Zone = options.Zone ?? "",
            TotalShards = setup.Cluster?.Settings.TotalShards ?? options.TotalShards,
            HashTags = setup.Cluster?.Settings.HashTags ?? options.HashTags,
            ReplicationFactor = setup.Cluster?.Settings.ReplicationFactor ?? options.ReplicationFactor,
            Plan = setup.Cluster?.ToPlan(),
            Transport = setup.Transport,
            PeersChanged = setup.PeersChanged,
            CertificateEnds = setup.CertificateEnds,
            Machine = new MachineOptions { IdempotencyRetention = options.IdempotencyTtl },
            Sync = options.WalSync switch
            {
                "always" => SyncPolicy.Always,
                "os" => SyncPolicy.Os,
                _ => SyncPolicy.Batch,
            },
            Limits = options.Limits,
            MaxInFlight = options.MaxInFlight,
            RunAnswers = static run => ThreadPool.UnsafeQueueUserWorkItem(static run => run(), run, preferLocal: false),
            LogSegmentBytes = options.LogSegmentBytes,
            LogLiveBytesMax = options.LogLiveBytesMax,
            LogLiveEntriesMax = options.LogLiveEntriesMax,
            LogRetainedBytesMax = options.LogRetainedBytes,
            Snapshots = new SnapshotOptions
            {
                BytesPerSecond = options.SnapshotBytesPerSecond,
                OutgoingMax = options.SnapshotsSentAtOnce,
                IncomingMax = options.SnapshotsReceivedAtOnce,
                IdleMax = options.SnapshotIdleTimeout,
            },
            Consistency = new NoriKV.Node.Comparing.ConsistencyOptions
            {
                Interval = options.ConsistencyInterval,
                BytesPerSecond = options.ConsistencyBytesPerSecond,
            },
            MemtableBytes = options.MemtableBytes,
            BlockCacheBytes = options.BlockCacheBytes,
            OpenStorage = StorageOf(options.Engine),
            ConfigureEngine = engine => Configure(engine, options),
            Time = setup.Time,
            Slow = new SlowLogOptions { Threshold = options.SlowThreshold },
            Meter = setup.Meter,
            Tracer = setup.Tracer,
            Events = setup.Events,
        };
    }

    private static LsmOptions Configure(LsmOptions engine, ServerOptions options) => engine with
    {
        TargetFileBytes = options.TargetFileBytes,
        BackgroundBytesPerSecond = options.BackgroundBytesPerSecond,
        ScrubInterval = options.ScrubInterval,
        ScrubBytesPerSecond = options.ScrubBytesPerSecond,
        Compression = CompressionOf(options.Compression) ?? engine.Compression,
    };

    private static Func<StorageSetup, CancellationToken, ValueTask<IStorage>>? StorageOf(string engine)
    {
        if (engine == "memory") return MemoryStorage.OpenAsync;
        if (engine != "rocksdb") return null;
        if (RocksDbStorage.IsAvailable) return RocksDbStorage.OpenAsync;
        throw new ServerStartException(
            $"storage.engine: rocksdb needs librocksdb, which this machine lacks: {RocksDbStorage.HowToInstall}",
            ExitCodes.Usage);
    }

    private static CompressionType? CompressionOf(string word)
    {
        CompressionType? type = word switch
        {
            "none" => CompressionType.None,
            "snappy" => CompressionType.Snappy,
            "lz4" => CompressionType.Lz4,
            "zstd" => CompressionType.Zstd,
            _ => null,
        };
        if (type is not { } named || BlockCodecs.IsAvailable(named)) return type;
        throw new ServerStartException(
            $"storage.compression: {word} needs a library that this machine lacks; install it or take auto",
            ExitCodes.Usage);
    }
}
