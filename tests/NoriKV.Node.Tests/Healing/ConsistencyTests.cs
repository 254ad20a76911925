using System.Text;
using Nori.Core;
using NoriKV.Node.Comparing;
using NoriKV.Node.Healing;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Tests.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Healing;

/// <summary>Replicas that applied the same are compared, and what differs is found, told, and rebuilt where that is certain.</summary>
public sealed class ConsistencyTests
{
    private const string Key = "k7";

    [Fact]
    public void Replicas_that_hold_the_same_are_found_equal_under_writes()
    {
        SteppedCluster cluster = Filled();
        uint shard = ShardOf(cluster);
        NoriNode leader = cluster.Nodes[cluster.LeaderOf(shard)]!;
        for (int i = 0; i < 3; i++)
        {
            Assert.True(leader.Comparisons.TryBegin(new ShardId(shard)));
            for (int j = 0; j < 10; j++) Assert.True(cluster.Put($"k{j}", $"again {i}").IsOk);
            cluster.RunUntil(() => leader.Comparisons.TryBegin(new ShardId(shard)), "it is compared");
            cluster.Run(3000);
        }

        Assert.All(cluster.Nodes, n => Assert.Empty(n!.Differences));
        Assert.All(cluster.Nodes, n => Assert.Empty(n!.Damage));
        Assert.Equal(3, leader.Comparisons.LastCompared);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_follower_that_holds_something_else_is_found_named_and_rebuilt(bool byItself)
    {
        SteppedCluster cluster = Filled(byItself ? TimeSpan.FromSeconds(8) : TimeSpan.Zero);
        uint shard = ShardOf(cluster);
        int leader = cluster.LeaderOf(shard), odd = (leader + 1) % 3;
        string sound = cluster.Dump(leader, shard);
        Plant(cluster, odd, shard);
        Assert.NotEqual(sound, cluster.Dump(odd, shard));

        if (!byItself) Assert.True(cluster.Nodes[leader]!.Comparisons.TryBegin(new ShardId(shard)));
        cluster.RunUntil(() => cluster.Nodes[leader]!.Differences.Count > 0, "it is found", 60_000);
        ReplicaDifference found = Assert.Single(cluster.Nodes[leader]!.Differences);
        Assert.Equal(shard, found.Shard.Value);
        Assert.True(found.IsRebuilt);
        Assert.Equal(cluster.Numbers[odd], Assert.Single(found.Nodes));
        Assert.True(found.Index.Value > 0 && found.Range.Length > 0);
        Assert.Contains(cluster.Nodes[leader]!.Health.Reasons, r => r.Contains("differ", StringComparison.Ordinal));

        cluster.RunUntil(() => cluster.Dump(odd, shard) == sound, "it is rebuilt", 60_000);
        Assert.Equal(sound, cluster.Dump(leader, shard));
        if (!byItself) cluster.RunUntil(() => cluster.Nodes[leader]!.Comparisons.TryBegin(new ShardId(shard)), "again");
        cluster.RunUntil(() => cluster.Nodes[leader]!.Differences.Count == 0, "it is found equal", 60_000);
        Assert.Empty(cluster.Nodes[odd]!.Damage);
    }

    [Fact]
    public void A_leader_that_most_disagree_with_is_told_of_and_nothing_is_done()
    {
        SteppedCluster cluster = Filled();
        uint shard = ShardOf(cluster);
        int leader = cluster.LeaderOf(shard);
        Plant(cluster, leader, shard);
        string[] before = [.. Enumerable.Range(0, 3).Select(i => cluster.Dump(i, shard))];
        Assert.True(cluster.Nodes[leader]!.Comparisons.TryBegin(new ShardId(shard)));
        cluster.RunUntil(() => cluster.Nodes[leader]!.Differences.Count > 0, "it is found", 60_000);
        ReplicaDifference found = Assert.Single(cluster.Nodes[leader]!.Differences);
        Assert.False(found.IsRebuilt);
        Assert.Equal(2, found.Nodes.Count);
        cluster.Run(10_000);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(before[i], cluster.Dump(i, shard));
            Assert.Empty(cluster.Nodes[i]!.Damage);
        }
    }

    [Fact]
    public void Two_that_differ_while_the_third_is_away_are_told_of_and_nothing_is_done()
    {
        SteppedCluster cluster = Filled();
        uint shard = ShardOf(cluster);
        int leader = cluster.LeaderOf(shard), odd = (leader + 1) % 3;
        cluster.Stop((leader + 2) % 3);
        cluster.Run(2000);
        leader = cluster.LeaderOf(shard);
        if (leader < 0) return;
        odd = Enumerable.Range(0, 3).First(i => i != leader && cluster.Nodes[i] is not null);
        Plant(cluster, odd, shard);
        Assert.True(cluster.Nodes[leader]!.Comparisons.TryBegin(new ShardId(shard)));
        cluster.RunUntil(() => cluster.Nodes[leader]!.Differences.Count > 0, "it is found", 60_000);
        Assert.False(Assert.Single(cluster.Nodes[leader]!.Differences).IsRebuilt);
        Assert.Empty(cluster.Nodes[odd]!.Damage);
    }

    [Fact]
    public void Messages_of_comparisons_are_read_as_they_were_written_and_mutations_break_nothing()
    {
        var digest = new ReplicaDigest(new LogIndex(9), 77, 3, [(5, "a"u8.ToArray()), (6, "bb"u8.ToArray())]);
        byte[] answer = CompareMessages.EncodeAnswer(DigestState.Done, digest, withPieces: true);
        Assert.True(CompareMessages.TryDecodeAnswer(answer, out DigestState state, out ReplicaDigest? read));
        Assert.Equal((DigestState.Done, 77ul, 2), (state, read!.Hash, read.Pieces.Count));
        byte[] arm = CompareMessages.EncodeArm(new ShardId(3), 8, new LogIndex(4));
        Assert.True(CompareMessages.TryDecodeArm(arm, out _, out ulong check, out LogIndex from));
        Assert.Equal((8ul, 4ul), (check, from.Value));
        byte[] differs = CompareMessages.EncodeDiffers(new ShardId(1), new ReplicaId(2), new LogIndex(3), 4, "range");
        Assert.True(CompareMessages.TryDecodeDiffers(differs, out _, out _, out _, out ulong hash, out string range));
        Assert.Equal((4ul, "range"), (hash, range));
        byte[] rebuild = new RebuildRequest(new ShardId(1), new ReplicaId(2), new LogIndex(3)).Encode();
        Assert.True(RebuildRequest.TryDecode(rebuild, out RebuildRequest request));
        Assert.Equal(3ul, request.AtLeast.Value);

        var random = new Prng(7);
        byte[][] all = [answer, differs, rebuild, arm, CompareMessages.EncodeAsk(new ShardId(1), 2, true)];
        for (int i = 0; i < 4000; i++)
        {
            byte[] bytes = [.. all[i % all.Length]];
            bytes[(int)(random.NextUInt64() % (ulong)bytes.Length)] = (byte)random.NextUInt64();
            ReadOnlySpan<byte> cut = bytes.AsSpan(0, (int)(random.NextUInt64() % (ulong)(bytes.Length + 1)));
            _ = CompareMessages.TryDecodeAnswer(cut, out _, out _);
            _ = CompareMessages.TryDecodeArm(cut, out _, out _, out _);
            _ = CompareMessages.TryDecodeAsk(cut, out _, out _, out _);
            _ = CompareMessages.TryDecodeDiffers(cut, out _, out _, out _, out _, out _);
            _ = RebuildRequest.TryDecode(cut, out _);
        }
    }

    [Fact]
    public void The_first_piece_that_differs_is_named()
    {
        var a = new ReplicaDigest(new LogIndex(9), 1, 3, [(5, new byte[] { 2, 1 }), (6, new byte[] { 2, 5 }), (7, new byte[] { 2, 9 })]);
        ReplicaDigest b = a with { Pieces = [a.Pieces[0], (60, new byte[] { 2, 6 }), a.Pieces[2]] };
        Assert.Equal("behind 0201, through 0206", a.FirstDifference(b));
        Assert.Equal("behind 0205, through the end", a.FirstDifference(a with { Pieces = [a.Pieces[0], a.Pieces[1]] }));
    }

    private static SteppedCluster Filled(TimeSpan interval = default)
    {
        var cluster = new SteppedCluster(3, 2, o => o with
        {
            Consistency = new ConsistencyOptions { Interval = interval, BytesPerSecond = 1 << 20 },
        });
        cluster.AwaitLeaders();
        for (int i = 0; i < 40; i++) Assert.True(cluster.Put($"k{i}", $"v{i}").IsOk);
        cluster.Run(500);
        return cluster;
    }

    private static uint ShardOf(SteppedCluster cluster) => cluster.Nodes[0]!.ShardOf(Encoding.UTF8.GetBytes(Key)).Value;

    /// <summary>What no checksum finds: a replica holds another value, well written.</summary>
    private static void Plant(SteppedCluster cluster, int node, uint shard)
    {
        IStorage storage = cluster.Nodes[node]!.Storage;
        byte[] key = EngineKey.Create(cluster.Nodes[node]!.SlotOf(new ShardId(shard)), EngineKeyKind.User, Encoding.UTF8.GetBytes(Key));
        Assert.True(storage.TryGet(key, out StoredEntry entry));
        byte[] changed = entry.Value.ToArray();
        changed[^1] ^= 1;
        IStorageBatch batch = storage.NewBatch();
        batch.Put(key, changed);
        storage.Write(batch);
    }
}
