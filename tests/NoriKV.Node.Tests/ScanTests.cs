using System.Text;
using Nori.Core;
using NoriKV.Node.Scanning;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

public sealed class ScanTests : IDisposable
{
    private readonly SteppedNode _node = Start(configure: o => o with { MemtableBytes = 16 << 10 });

    public void Dispose() => _node.Stop();

    [Fact]
    public void All_shards_are_merged_in_key_order_both_ways_and_in_pages_of_any_size()
    {
        SortedSet<string> keys = Fill(300);
        foreach (int page in new[] { 1, 2, 7, 100, 1000 })
        {
            Assert.Equal(keys, _node.ScanAll(new ScanOptions(), page));
            Assert.Equal(keys.Reverse(), _node.ScanAll(new ScanOptions { Reverse = true }, page));
        }
    }

    [Fact]
    public void Random_ranges_prefixes_and_limits_agree_with_a_sorted_set()
    {
        SortedSet<string> keys = Fill(400);
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new Prng(seed);
            ScanOptions options = random.Chance(0.3)
                ? new ScanOptions { Prefix = Bytes($"{random.NextInt(100)}") }
                : new ScanOptions { Start = Bound(random), End = Bound(random) };
            options = options with { Reverse = random.Chance(0.5), Limit = random.Chance(0.5) ? random.NextInt(50) : 0 };
            IEnumerable<string> expected = keys.Where(k => InRange(k, options));
            if (options.Reverse) expected = expected.Reverse();
            if (options.Limit > 0) expected = expected.Take((int)options.Limit);
            List<string> wanted = [.. expected];
            Assert.True(wanted.SequenceEqual(_node.ScanAll(options, random.NextInt(1, 60))), $"seed {seed}");
            Assert.Equal(wanted.Count, _node.Scan(options with { CountOnly = true }).Value.Count);
        }
    }

    [Fact]
    public void Pages_say_what_they_are()
    {
        Fill(50);
        ScanPage page = _node.Scan(new ScanOptions(), 10).Value;
        Assert.Equal(10, page.Pairs.Count);
        Assert.Equal(10, page.Count);
        Assert.False(page.NextPageToken.IsEmpty);
        Assert.Equal("per_shard", page.Meta.Snapshot);
        Assert.Equal("n1", page.Meta.ServedBy);
        Assert.Equal(Consistency.Linearizable, page.Meta.Consistency);
        page = _node.Scan(new ScanOptions { PageToken = page.NextPageToken }, 10).Value;
        Assert.Equal(20, page.Count);
        foreach (KvPair pair in page.Pairs)
        {
            GetResult got = _node.Get(Encoding.UTF8.GetString(pair.Key.Span)).Value;
            Assert.Equal(got.Version, pair.Version);
            Assert.Equal(got.Value.ToArray(), pair.Value.ToArray());
        }
    }

    [Fact]
    public void A_limit_is_the_calls_and_where_more_follows_there_is_a_token_to_go_on_with()
    {
        SortedSet<string> keys = Fill(50);
        ScanPage first = _node.Scan(new ScanOptions { Limit = 10 }, 30).Value;
        Assert.Equal((10, 10L), (first.Pairs.Count, first.Count));
        ScanPage second = _node.Scan(new ScanOptions { Limit = 10, PageToken = first.NextPageToken }, 30).Value;
        Assert.Equal((10, 20L), (second.Pairs.Count, second.Count));
        ScanPage last = _node.Scan(new ScanOptions { Limit = 100, PageToken = second.NextPageToken }, 100).Value;
        Assert.Equal((keys.Count - 20, (long)keys.Count), (last.Pairs.Count, last.Count));
        Assert.True(last.NextPageToken.IsEmpty);
        ScanPage all = _node.Scan(new ScanOptions { Limit = keys.Count }, 100).Value;
        Assert.True(all.NextPageToken.IsEmpty, "the limit is reached and nothing follows");
        Assert.Equal(keys.Take(25), _node.ScanAll(new ScanOptions { Limit = 25 }, 10));
    }

    [Fact]
    public void A_count_with_a_limit_stops_there_and_can_go_on()
    {
        SortedSet<string> keys = Fill(50);
        ScanPage counted = _node.Scan(new ScanOptions { CountOnly = true, Limit = 20 }, 5).Value;
        Assert.Equal((0, 20L), (counted.Pairs.Count, counted.Count));
        ScanPage rest = _node.Scan(new ScanOptions { CountOnly = true, PageToken = counted.NextPageToken }, 5).Value;
        Assert.Equal(keys.Count, rest.Count);
        Assert.True(rest.NextPageToken.IsEmpty);
    }

    [Fact]
    public void Keys_only_leaves_values_out()
    {
        Fill(10);
        Assert.All(_node.Scan(new ScanOptions { KeysOnly = true }).Value.Pairs, p =>
        {
            Assert.True(p.Value.IsEmpty);
            Assert.True(p.Version.IsPresent);
        });
    }

    [Fact]
    public void Large_values_end_a_page_by_bytes()
    {
        string value = new('v', 5000);
        for (int i = 0; i < 20; i++) _node.Put($"k{i:d2}", value);
        ScanPage page = _node.Scan(new ScanOptions(), 1000, 12_000).Value;
        Assert.Equal(3, page.Pairs.Count);
        Assert.Equal(5000, page.Pairs[2].Value.Length);
        Assert.Equal(20, _node.ScanAll(new ScanOptions()).Count);
    }

    [Fact]
    public void Expired_keys_are_not_seen_nor_counted()
    {
        _node.Put("a", "1", new PutOptions { Ttl = TimeSpan.FromSeconds(1) });
        _node.Put("b", "2");
        _node.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["b"], _node.ScanAll(new ScanOptions()));
        Assert.Equal(1, _node.Scan(new ScanOptions { CountOnly = true }).Value.Count);
    }

    [Fact]
    public void A_token_that_was_touched_or_belongs_elsewhere_is_refused()
    {
        Fill(50);
        byte[] token = _node.Scan(new ScanOptions(), 10).Value.NextPageToken.ToArray();
        for (int i = 0; i < token.Length; i++)
        {
            byte[] bad = [.. token];
            bad[i] ^= 1;
            Assert.Equal(KvCode.InvalidArgument, _node.Scan(new ScanOptions { PageToken = bad }).Error!.Code);
        }

        Assert.Equal(KvCode.InvalidArgument, _node.Scan(new ScanOptions { PageToken = token, Reverse = true }).Error!.Code);
        Assert.Equal(KvCode.InvalidArgument, _node.Scan(new ScanOptions { PageToken = token, Prefix = Bytes("1") }).Error!.Code);
        Assert.Equal(KvCode.InvalidArgument, _node.Scan(new ScanOptions { PageToken = new byte[] { 1 } }).Error!.Code);
    }

    [Fact]
    public void A_token_goes_on_within_the_range_that_was_asked_for_whoever_made_it()
    {
        Fill(50);
        var ofPrefix = new ScanOptions { Prefix = Bytes("k2") };
        var ofRange = new ScanOptions { Start = Bytes("k2"), End = Bytes("k3") };
        foreach (ScanOptions scan in new[] { ofPrefix, ofPrefix with { Reverse = true }, ofRange, ofRange with { Reverse = true } })
        {
            foreach (string key in new[] { "", "k1", "k3", "k4" })
            {
                byte[] forged = PageToken.Encode(Bytes(key), 0, scan);
                Assert.Equal(KvCode.InvalidArgument, _node.Scan(scan with { PageToken = forged }).Error!.Code);
            }

            byte[] own = PageToken.Encode(Bytes("k2"), 0, scan);
            Assert.True(_node.Scan(scan with { PageToken = own }).IsOk);
        }
    }

    [Fact]
    public void Contradicting_options_are_refused()
    {
        Assert.Equal(KvCode.InvalidArgument, _node.Scan(new ScanOptions { Prefix = Bytes("a"), Start = Bytes("b") }).Error!.Code);
        Assert.Equal(KvCode.InvalidArgument, _node.Scan(new ScanOptions { Limit = -1 }).Error!.Code);
        Assert.Empty(_node.Scan(new ScanOptions { Start = Bytes("b"), End = Bytes("a") }).Value.Pairs);
    }

    [Fact]
    public async Task A_streamed_scan_gives_all_pages_while_keys_change()
    {
        SortedSet<string> keys = Fill(200);
        var seen = new List<string>();
        await foreach (KvResult<ScanPage> page in _node.Node.ScanPagesAsync(new ScanOptions(), 30, 1 << 20, Context))
        {
            seen.AddRange(page.Value.Pairs.Select(p => Encoding.UTF8.GetString(p.Key.Span)));
            _node.Delete(keys.Max!);
            _node.Put("zzz", "not in the view");
        }

        Assert.Equal(keys, seen);
    }

    [Fact]
    public void A_slow_scan_takes_a_newer_view_and_goes_on_in_order()
    {
        SortedSet<string> keys = Fill(200);
        var seen = new List<string>();
        IAsyncEnumerator<KvResult<ScanPage>> pages =
            _node.Node.ScanPagesAsync(new ScanOptions(), 30, 1 << 20, Context).GetAsyncEnumerator();
        while (_node.Run(pages.MoveNextAsync()))
        {
            seen.AddRange(pages.Current.Value.Pairs.Select(p => Encoding.UTF8.GetString(p.Key.Span)));
            _node.Time.Advance(TimeSpan.FromSeconds(11));
        }

        Assert.Equal(keys, seen);
    }

    [Fact]
    public void With_hash_tags_a_prefix_with_a_tag_asks_one_shard()
    {
        SteppedNode node = Start(configure: o => o with { HashTags = true, TotalShards = 64 });
        for (int i = 0; i < 50; i++) node.Put($"{{user{i % 5}}}:{i:d2}", "v");
        Assert.Equal(10, node.ScanAll(new ScanOptions { Prefix = Bytes("{user3}:") }).Count);
        Assert.Equal(50, node.ScanAll(new ScanOptions { Prefix = Bytes("{user") }).Count);
        node.Stop();
    }

    private SortedSet<string> Fill(int count)
    {
        var keys = new SortedSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < count; i++) keys.Add($"{i * 7919 % 1000:d3}");
        foreach (string key in keys) _node.Put(key, $"value of {key}");
        // Some gone again, some written twice.
        foreach (string key in keys.Where((_, i) => i % 5 == 0).ToList())
        {
            _node.Delete(key);
            keys.Remove(key);
        }

        foreach (string key in keys.Where((_, i) => i % 3 == 0)) _node.Put(key, $"again {key}");
        return keys;
    }

    private static byte[] Bound(Prng random) => random.Chance(0.2) ? [] : Bytes($"{random.NextInt(1000):d3}");

    private static bool InRange(string key, ScanOptions options)
    {
        ReadOnlySpan<byte> bytes = Bytes(key);
        return bytes.StartsWith(options.Prefix.Span)
            && bytes.SequenceCompareTo(options.Start.Span) >= 0
            && (options.End.IsEmpty || bytes.SequenceCompareTo(options.End.Span) < 0);
    }
}
