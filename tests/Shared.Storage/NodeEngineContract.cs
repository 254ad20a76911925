using Nori.IO;
using NoriKV.Node;
using NoriKV.Node.Tests;
using NoriKV.Types;

namespace NoriKV.Storage.Contract;

/// <summary>What a node does whatever engine it stands on.</summary>
public abstract class NodeEngineContract : IDisposable
{
    private readonly Place _place = new();
    private readonly MemoryFileSystem _files = new(3);
    private readonly ManualTime _time = new();

    public void Dispose()
    {
        _place.Dispose();
        GC.SuppressFinalize(this);
    }

    internal abstract NodeOptions On(NodeOptions options, Place place);

    protected virtual void CheckAvailable()
    {
    }

    [Fact]
    public void Puts_deletes_conditions_and_versions_mean_what_they_mean()
    {
        SteppedNode node = Start();
        KvVersion first = node.Put("a", "1").Value.Version;
        KvVersion second = node.Put("a", "2").Value.Version;
        Assert.NotEqual(first, second);
        Assert.Equal("2", node.Read("a"));
        Assert.Equal(KvCode.VersionMismatch, Code(node.Put("a", "3", new PutOptions { IfMatch = first })));
        Assert.Equal(KvCode.AlreadyExists, Code(node.Put("a", "3", new PutOptions { IfNotExists = true })));
        Assert.Equal("2", node.Read("a"));
        node.Delete("a");
        Assert.Null(node.Read("a"));
        node.Stop();
    }

    [Fact]
    public void Everything_acknowledged_is_there_after_a_stop_and_after_a_loss_of_power()
    {
        SteppedNode node = Start();
        for (int i = 0; i < 200; i++) node.Put($"key{i:D3}", $"value {i}");
        for (int i = 0; i < 200; i += 3) node.Delete($"key{i:D3}");
        List<string> expected = node.ScanAll(new ScanOptions());
        Assert.Equal(133, expected.Count);
        node.Stop();

        node = Start();
        Assert.Equal(expected, node.ScanAll(new ScanOptions()));
        node.Put("after", "1");
        MemoryFileSystem lost = _files.Crash(9);
        node.Stop();
        node = Start(lost);
        Assert.Equal([.. expected.Append("after").Order(StringComparer.Ordinal)], node.ScanAll(new ScanOptions()));
        Assert.Equal("value 199", node.Read("key199"));
        node.Stop();
    }

    [Fact]
    public void A_retry_under_its_idempotency_key_is_done_once_also_after_a_restart()
    {
        var options = new PutOptions { IdempotencyKey = "op-1" };
        SteppedNode node = Start();
        KvVersion version = node.Put("a", "1", options).Value.Version;
        node.Put("a", "2");
        Assert.Equal(version, node.Put("a", "1", options).Value.Version);
        node.Stop();
        node = Start();
        Assert.Equal(version, node.Put("a", "1", options).Value.Version);
        Assert.Equal("2", node.Read("a"));
        node.Stop();
    }

    [Fact]
    public void Time_to_live_passes()
    {
        SteppedNode node = Start();
        node.Put("a", "1", new PutOptions { Ttl = TimeSpan.FromSeconds(10) });
        node.Put("b", "1");
        Assert.Equal("1", node.Read("a"));
        _time.Advance(TimeSpan.FromSeconds(11));
        node.Put("c", "1");
        Assert.Null(node.Read("a"));
        Assert.Equal(["b", "c"], node.ScanAll(new ScanOptions()));
        node.Stop();
    }

    [Fact]
    public void Scans_merge_the_shards_both_ways_and_page_by_page()
    {
        SteppedNode node = Start();
        List<string> keys = [.. Enumerable.Range(0, 120).Select(i => $"k{i:D3}")];
        foreach (string key in keys) node.Put(key, "v");
        Assert.Equal(keys, node.ScanAll(new ScanOptions(), pairsPerPage: 7));
        keys.Reverse();
        Assert.Equal(keys, node.ScanAll(new ScanOptions { Reverse = true }, pairsPerPage: 11));
        node.Stop();
    }

    private static KvCode Code<T>(KvResult<T> result) => result.Error!.Code;

    private SteppedNode Start(IFileSystem? files = null)
    {
        CheckAvailable();
        return SteppedNode.Start(files ?? _files, _time, options => On(options, _place));
    }
}
