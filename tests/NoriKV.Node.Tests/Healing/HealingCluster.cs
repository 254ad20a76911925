using Nori.IO;
using Nori.Lsm;
using NoriKV.Node.Storage;
using NoriKV.Node.Tests.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Healing;

/// <summary>Three nodes with tables on disk, whose bytes rot where a test says.</summary>
internal sealed class HealingCluster
{
    public const int Sick = 2;
    public const string Engine = "/data/engine";

    private readonly Dictionary<string, string> _values = [];
    private int _written;

    public HealingCluster(ulong seed, TimeSpan? scrubInterval = null, int shards = 4, Func<NodeOptions, TimeProvider>? clock = null)
    {
        Cluster = new SteppedCluster(3, shards, o => o with
        {
            Time = clock?.Invoke(o) ?? o.Time,
            MemtableBytes = 16 << 10,
            LogSegmentBytes = 64 << 10,
            LogRetainedEntriesMax = 20,
            LogRetainedBytesMax = 16 << 10,
            ConfigureEngine = e => e with
            {
                // What is on the disk is what is read.
                BlockCacheBytes = 0,
                ScrubInterval = scrubInterval ?? TimeSpan.Zero,
                ScrubBytesPerSecond = 0,
            },
        }, seed);
        Cluster.AwaitLeaders();
    }

    public SteppedCluster Cluster { get; }

    public NoriNode SickNode => Cluster.Nodes[Sick]!;

    public IReadOnlyDictionary<string, string> Values => _values;

    public void Write(int count)
    {
        for (int i = 0; i < count; i++)
        {
            string key = $"k{_written * 7 % 97}", value = $"{_written++}-{new string('v', 300)}";
            Assert.True(Cluster.Put(key, value).IsOk);
            _values[key] = value;
        }
    }

    public void AwaitTables(int least = 1) =>
        Cluster.RunUntil(() => Tables(Sick).Count >= least, "tables are written");

    public List<string> Tables(int node) => [.. Cluster.Disks[node].List(Engine)
        .Where(static n => n.EndsWith(".sst", StringComparison.Ordinal)).Order().Select(static n => $"{Engine}/{n}")];

    /// <summary>Every data block of a table rots; its index does not.</summary>
    public void RotBlocks(string table, double upTo = 0.6)
    {
        long length = Length(table);
        for (long at = 100; at < length * upTo; at += 700) Cluster.Disks[Sick].Corrupt(table, at, 0x40);
    }

    public void RotEnd(string table) => Cluster.Disks[Sick].Corrupt(table, Length(table) - 10, 0x40);

    public long Length(string path)
    {
        using IFile file = Cluster.Disks[Sick].Open(path, FileOpen.Read);
        return file.Length;
    }

    /// <summary>Every key is read at every node; a read that cannot be served where it is asked is served elsewhere.</summary>
    public void ReadAll()
    {
        foreach ((string key, string value) in _values)
        {
            for (int node = 0; node < 3; node++)
            {
                if (Cluster.Nodes[node] is not null) Assert.Equal(value, Cluster.Read(node, key));
            }
        }
    }

    public void AwaitHealed()
    {
        Cluster.RunUntil(
            () => SickNode.NotReadyReason is not null || (SickNode.Damage.Count == 0 && SickNode.DamagedTables.Count == 0),
            "it is healed", 60_000);
        Assert.Null(SickNode.NotReadyReason);
        Cluster.Run(500);
        CheckSame();
        using LsmScrubber scrubber = LsmScrubber.Open(
            Cluster.Disks[Sick], Engine, new LsmScrubOptions { BytesPerSecond = 0 }, logDirectory: "/none");
        while (scrubber.RunOnce())
        {
        }

        Assert.DoesNotContain(scrubber.Report().Findings, static f => f.IsDamage);
    }

    public void CheckSame()
    {
        for (uint shard = 0; shard < (uint)Cluster.Shards; shard++)
        {
            Cluster.RunUntil(
                () => Cluster.Status(0, shard).Applied == Cluster.Status(Sick, shard).Applied
                    && Cluster.Status(1, shard).Applied == Cluster.Status(Sick, shard).Applied, $"shard {shard} is caught up");
            Assert.Equal(Cluster.Dump(0, shard), Cluster.Dump(Sick, shard));
            Assert.Equal(Cluster.Dump(1, shard), Cluster.Dump(Sick, shard));
        }
    }

    /// <summary>Has a node's engine checked whole, now; returns the damage that it found.</summary>
    public IReadOnlyList<LsmScrubFinding> Scrub(int node)
    {
        var storage = (LsmStorage)Cluster.Nodes[node]!.Storage;
        Task<LsmScrubReport> scrub = storage.Engine.ScrubAsync(new LsmScrubOptions { BytesPerSecond = 0 });
        Assert.True(scrub.IsCompleted);
        return [.. scrub.GetAwaiter().GetResult().Findings.Where(static f => f.IsDamage)];
    }

    /// <summary>Tables hold everything, and the log of the sick node only what comes.</summary>
    public void ForgetLogs()
    {
        for (uint shard = 0; shard < (uint)Cluster.Shards; shard++)
            Assert.True(Cluster.Await(SickNode.SnapshotShardAsync(new ShardId(shard), Cluster.Context(5000)).AsTask()).IsOk);
    }

    public bool IsServed(uint shard) =>
        SickNode.Health.Shards.First(s => s.Shard.Value == shard).Status != HealthStatus.Unhealthy;
}
