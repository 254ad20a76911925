using Nori.Core;
using NoriKV.Node.Scanning;
using NoriKV.Node.Tests.Replication;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Routing;

/// <summary>Scans whose shards are led by several nodes.</summary>
public sealed class RoutedScanTests
{
    private const int Keys = 120;

    [Fact]
    public void Pages_of_any_size_and_direction_agree_with_a_sorted_set_at_every_node()
    {
        SteppedCluster cluster = Filled();
        var random = new Prng(4);
        string[] all = [.. Enumerable.Range(0, Keys).Select(static i => $"k{i:000}")];
        for (int i = 0; i < 12; i++)
        {
            string start = $"k{random.NextInt(Keys):000}", end = $"k{random.NextInt(Keys):000}";
            bool reverse = random.Chance(0.5);
            var options = new ScanOptions
            {
                Start = random.Chance(0.7) ? Bytes(start) : default,
                End = random.Chance(0.7) ? Bytes(end) : default,
                Reverse = reverse,
                KeysOnly = random.Chance(0.3),
                Read = new ReadOptions { Consistency = (Consistency)random.NextInt(4) },
            };
            IEnumerable<string> expected = all.Where(k => (options.Start.IsEmpty || string.CompareOrdinal(k, start) >= 0)
                && (options.End.IsEmpty || string.CompareOrdinal(k, end) < 0));
            if (reverse) expected = expected.Reverse();
            int node = random.NextInt(3), pairs = random.NextInt(8, 40), bytes = random.NextInt(200, 2000);
            Assert.Equal(expected, Scan(cluster, node, options, pairs, bytes).Select(static p => Text(p.Key)));
        }
    }

    [Fact]
    public void A_limit_and_a_count_are_those_of_all_nodes()
    {
        SteppedCluster cluster = Filled();
        ScanPage page = Page(cluster, 1, new ScanOptions { Limit = 10 }, 100);
        Assert.Equal(10, page.Pairs.Count);
        Assert.False(page.NextPageToken.IsEmpty);
        ScanPage rest = Page(cluster, 2, new ScanOptions { PageToken = page.NextPageToken }, 1000);
        Assert.Equal((Keys - 10, (long)Keys, true), (rest.Pairs.Count, rest.Count, rest.NextPageToken.IsEmpty));
        Assert.Equal(Keys, Page(cluster, 0, new ScanOptions { CountOnly = true }, 100).Count);
        ScanPage some = Page(cluster, 0, new ScanOptions { CountOnly = true, Limit = 30 }, 100);
        Assert.Equal(30, some.Count);
        ScanPage others = Page(cluster, 1, new ScanOptions { CountOnly = true, PageToken = some.NextPageToken }, 100);
        Assert.Equal((Keys, true), (others.Count, others.NextPageToken.IsEmpty));
        Assert.Equal("per_shard", page.Meta.Snapshot);
    }

    [Fact]
    public void A_scan_waits_through_the_election_of_what_a_dead_node_led()
    {
        SteppedCluster cluster = Filled();
        cluster.Crash(2, 3);
        Task<KvResult<ScanPage>> scan = cluster.Nodes[0]!.ScanAsync(
            new ScanOptions(), 1000, 1 << 20, cluster.Context(8000)).AsTask();
        Assert.Equal(Keys, cluster.Await(scan).Value.Pairs.Count);
    }

    [Fact]
    public async Task A_streamed_scan_gives_all_pages_in_order()
    {
        SteppedCluster cluster = Filled();
        var keys = new List<string>();
        await using IAsyncEnumerator<KvResult<ScanPage>> pages = cluster.Nodes[0]!.ScanPagesAsync(
            new ScanOptions { Limit = 100 }, 7, 1 << 20, cluster.Context(5000)).GetAsyncEnumerator();
        while (true)
        {
            Task<bool> next = pages.MoveNextAsync().AsTask();
            if (!cluster.Await(next)) break;
            keys.AddRange(pages.Current.Value.Pairs.Select(static p => Text(p.Key)));
        }

        Assert.Equal(Enumerable.Range(0, 100).Select(static i => $"k{i:000}"), keys);
        await Task.CompletedTask;
    }

    [Fact]
    public void Merged_parts_that_ended_by_their_size_keep_the_order()
    {
        // The first part has more behind c: what the second has behind that must wait.
        var first = new ScanPartPage([Pair("a"), Pair("c")], 2, IsDone: false, Bytes("c"), 0);
        var second = new ScanPartPage([Pair("b"), Pair("d")], 2, IsDone: true, Bytes("d"), 0);
        (IReadOnlyList<KvPair> pairs, byte[] token, long count) = ScanMerge.Page([first, second], new ScanOptions(), 5, 10, 1000);
        Assert.Equal(["a", "b", "c"], pairs.Select(static p => Text(p.Key)));
        Assert.Equal(8, count);
        Assert.True(PageToken.TryDecode(token, new ScanOptions(), out PageToken at, out _));
        Assert.Equal("c", Text(at.LastKey));
        // Keys that vanished while they were read: nothing to give, and yet it goes on.
        var gone = new ScanPartPage([], 0, IsDone: false, Bytes("b"), 0);
        (pairs, token, _) = ScanMerge.Page([gone, new ScanPartPage([Pair("d")], 1, true, Bytes("d"), 0)], new ScanOptions(), 0, 10, 1000);
        Assert.Empty(pairs);
        Assert.True(PageToken.TryDecode(token, new ScanOptions(), out at, out _));
        Assert.Equal("b", Text(at.LastKey));
    }

    private static SteppedCluster Filled()
    {
        var cluster = new SteppedCluster(shards: 6);
        cluster.AwaitLeaders();
        Task<KvResult<PutResult>>[] puts =
            [.. Enumerable.Range(0, Keys).Select(i => cluster.BeginPut(i % 3, $"k{i:000}", new string('v', i % 90)))];
        Assert.All(puts, p => Assert.Null(cluster.Await(p).Error));
        cluster.Run(500);
        return cluster;
    }

    private static List<KvPair> Scan(SteppedCluster cluster, int node, ScanOptions options, int pairs, int bytes)
    {
        var all = new List<KvPair>();
        while (true)
        {
            ScanPage page = Page(cluster, node, options, pairs, bytes);
            Assert.True(page.Pairs.Count <= pairs);
            all.AddRange(page.Pairs);
            Assert.Equal(all.Count, page.Count);
            if (page.NextPageToken.IsEmpty) return all;
            options = options with { PageToken = page.NextPageToken };
        }
    }

    private static ScanPage Page(SteppedCluster cluster, int node, ScanOptions options, int pairs, int bytes = 1 << 20) =>
        cluster.Await(cluster.Nodes[node]!.ScanAsync(options, pairs, bytes, cluster.Context(5000)).AsTask()).Value;

    private static KvPair Pair(string key) => new(Bytes(key), Bytes("v"), new KvVersion(1, 1));

    private static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);
}
