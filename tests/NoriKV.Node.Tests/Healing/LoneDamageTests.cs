using Nori.IO;
using NoriKV.Node.Healing;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Healing;

/// <summary>A node that has the only copy says what is lost and refuses nothing else.</summary>
public sealed class LoneDamageTests
{
    private const string Engine = "/data/engine";

    [Fact]
    public void Rotten_blocks_cost_the_keys_in_them_and_no_others()
    {
        var disk = new MemoryFileSystem(1);
        SteppedNode node = Filled(disk, out string[] keys);
        node.Stop();
        string table = Tables(disk)[^1];
        disk.Corrupt(table, LengthOf(disk, table) / 2, 0x40);
        node = Begin(disk);
        int lost = 0;
        foreach (string key in keys)
        {
            KvResult<GetResult> read = node.Get(key);
            if (read.Error is { } error)
            {
                lost++;
                Assert.Equal(KvCode.DataLoss, error.Code);
                Assert.Contains(table, error.Message);
            }
            else
            {
                Assert.True(read.Value.Found, key);
            }
        }

        Assert.InRange(lost, 1, keys.Length / 2);
        node.RunUntilIdle();
        Assert.NotEmpty(node.Node.DamagedTables);
        Assert.NotEmpty(node.Node.Damage);
        Assert.All(node.Node.Damage, d => Assert.True(d.IsAlone));
        Assert.Equal(HealthStatus.Degraded, node.Node.Health.Status);
        Assert.Contains(node.Node.Health.Reasons, r => r.Contains(table, StringComparison.Ordinal));
        foreach (string key in keys) Assert.True(node.Put(key, "again").IsOk);
        foreach (string key in keys) Assert.Equal("again", node.Read(key));
        Assert.Null(node.Node.NotReadyReason);
        node.Stop();
    }

    [Fact]
    public void A_table_that_cannot_be_opened_costs_the_shards_in_it()
    {
        var disk = new MemoryFileSystem(1);
        SteppedNode node = Filled(disk, out string[] keys);
        node.Stop();
        foreach (string table in Tables(disk)) disk.Corrupt(table, LengthOf(disk, table) - 10, 0x40);
        node = Begin(disk);
        Assert.NotEmpty(node.Node.DamagedTables);
        node.RunUntilIdle();
        Assert.NotEmpty(node.Node.Damage);
        foreach (string key in keys) Assert.False(node.Get(key).IsOk && !node.Get(key).Value.Found, key);
        node.Stop();
    }

    // A read of a key behind its bounds, which end at the deleted one, does not meet the damage: the shard refuses it.
    [Fact]
    public void A_shard_whose_table_cannot_be_opened_answers_nothing_though_its_state_and_other_keys_lie_in_whole_ones()
    {
        var disk = new MemoryFileSystem(1);
        SteppedNode node = Filled(disk, out string[] keys);
        Assert.True(node.Delete(keys[100]).IsOk);
        Flush(node);
        string table = Tables(disk)[^1];
        Assert.True(node.Put("last", "v").IsOk);
        Flush(node);
        node.Stop();
        Assert.NotEqual(table, Tables(disk)[^1]);
        disk.Corrupt(table, LengthOf(disk, table) - 10, 0x40);

        node = Begin(disk);
        Assert.EndsWith(Assert.Single(node.Node.DamagedTables).File, table, StringComparison.Ordinal);
        node.RunUntilIdle();
        foreach (string key in (string[])[.. keys, "last"]) Assert.Equal((key, KvCode.DataLoss), (key, node.Get(key).Error?.Code));
        ReplicaDamage damage = Assert.Single(node.Node.Damage);
        Assert.True(damage.IsAlone);
        Assert.Contains("is not served", damage.What, StringComparison.Ordinal);
        node.Stop();
    }

    private static SteppedNode Filled(MemoryFileSystem disk, out string[] keys)
    {
        SteppedNode node = Begin(disk);
        keys = [.. Enumerable.Range(0, 200).Select(static i => $"key{i:D3}")];
        foreach (string key in keys) Assert.True(node.Put(key, new string('v', 300)).IsOk);
        Flush(node);
        return node;
    }

    private static void Flush(SteppedNode node)
    {
        node.Run(node.Node.SnapshotShardAsync(new ShardId(0), Context));
        node.RunUntilIdle();
    }

    // One shard: of its many blocks only the first has its state. No two tables become one.
    private static SteppedNode Begin(MemoryFileSystem disk) => Start(disk, configure: static o => o with
    {
        TotalShards = 1,
        ConfigureEngine = static e => e with { BlockCacheBytes = 0, L0CompactionTrigger = 16 },
    });

    private static List<string> Tables(MemoryFileSystem disk) => [.. disk.List(Engine)
        .Where(static n => n.EndsWith(".sst", StringComparison.Ordinal)).Order().Select(static n => $"{Engine}/{n}")];

    private static long LengthOf(MemoryFileSystem disk, string path)
    {
        using IFile file = disk.Open(path, FileOpen.Read);
        return file.Length;
    }
}
