using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>The sentences of the wire contract under "Meaning", on one node.</summary>
public sealed class MeaningTests : IDisposable
{
    private readonly SteppedNode _node = Start();

    public void Dispose() => _node.Stop();

    [Fact]
    public void Get_answers_the_version_that_put_answered()
    {
        KvVersion version = _node.Put("k", "v").Value.Version;
        GetResult got = _node.Get("k").Value;
        Assert.Equal(version, got.Version);
        Assert.True(version.Term >= 1 && version.Index >= 1);
        Assert.Equal("v", _node.Read("k"));
    }

    [Fact]
    public void Versions_of_a_key_strictly_increase_over_deletes_and_restarts()
    {
        KvVersion first = _node.Put("k", "1").Value.Version;
        KvVersion deleted = _node.Delete("k").Value.Version;
        KvVersion second = _node.Put("k", "2").Value.Version;
        Assert.True(first.CompareTo(deleted) < 0 && deleted.CompareTo(second) < 0);
    }

    [Fact]
    public void A_missing_key_is_ok_and_has_no_version()
    {
        GetResult got = _node.Get("nothing").Value;
        Assert.False(got.Found);
        Assert.Equal(KvVersion.None, got.Version);
        Assert.True(got.Value.IsEmpty);
    }

    [Fact]
    public void An_empty_value_is_a_value()
    {
        _node.Put("k", "");
        Assert.True(_node.Get("k").Value.Found);
    }

    [Fact]
    public void Delete_says_whether_the_key_existed()
    {
        _node.Put("k", "v");
        Assert.True(_node.Delete("k").Value.Tombstoned);
        Assert.False(_node.Delete("k").Value.Tombstoned);
        Assert.False(_node.Get("k").Value.Found);
    }

    [Fact]
    public void Compare_and_set_succeeds_only_on_the_version()
    {
        KvVersion first = _node.Put("k", "1").Value.Version;
        KvVersion second = _node.Put("k", "2", new PutOptions { IfMatch = first }).Value.Version;
        KvError error = _node.Put("k", "3", new PutOptions { IfMatch = first }).Error!;
        Assert.Equal(KvCode.VersionMismatch, error.Code);
        Assert.StartsWith("Version mismatch", error.Message);
        Assert.Contains(second.ToString(), error.Message);
        Assert.Equal("2", _node.Read("k"));
        Assert.Equal(KvCode.VersionMismatch, _node.Delete("k", new DeleteOptions { IfMatch = first }).Error!.Code);
        Assert.True(_node.Delete("k", new DeleteOptions { IfMatch = second }).Value.Tombstoned);
    }

    [Fact]
    public void Compare_and_set_on_a_missing_key_is_a_mismatch()
    {
        foreach (KvVersion version in new[] { new KvVersion(1, 1), KvVersion.None })
        {
            KvError error = _node.Put("k", "v", new PutOptions { IfMatch = version }).Error!;
            Assert.Equal(KvCode.VersionMismatch, error.Code);
            Assert.StartsWith("Version mismatch", error.Message);
            Assert.Equal(KvCode.VersionMismatch, _node.Delete("k", new DeleteOptions { IfMatch = version }).Error!.Code);
        }
    }

    [Fact]
    public void If_not_exists_refuses_an_existing_key()
    {
        var once = new PutOptions { IfNotExists = true };
        Assert.True(_node.Put("k", "1", once).IsOk);
        Assert.Equal(KvCode.AlreadyExists, _node.Put("k", "2", once).Error!.Code);
        Assert.Equal("1", _node.Read("k"));
    }

    [Fact]
    public void A_key_is_gone_when_its_time_is_over()
    {
        _node.Put("k", "v", new PutOptions { Ttl = TimeSpan.FromMilliseconds(500) });
        _node.Time.AdvanceMs(499);
        Assert.Equal("v", _node.Read("k"));
        _node.Time.AdvanceMs(1);
        Assert.Null(_node.Read("k"));
        Assert.Empty(_node.ScanAll(new ScanOptions()));
        Assert.False(_node.Delete("k").Value.Tombstoned);
        Assert.True(_node.Put("k", "w", new PutOptions { IfNotExists = true }).IsOk);
    }

    [Fact]
    public void Overwriting_without_a_ttl_removes_it()
    {
        _node.Put("k", "1", new PutOptions { Ttl = TimeSpan.FromSeconds(1) });
        _node.Put("k", "2");
        _node.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal("2", _node.Read("k"));
    }

    [Fact]
    public void A_clock_that_runs_backwards_brings_no_expired_key_back()
    {
        _node.Put("k", "v", new PutOptions { Ttl = TimeSpan.FromSeconds(10) });
        ShardId shard = _node.Node.ShardOf(Bytes("k"));
        _node.Time.Advance(TimeSpan.FromSeconds(20));
        string other = Enumerable.Range(0, 1000).Select(i => $"o{i}").First(o => _node.Node.ShardOf(Bytes(o)) == shard);
        _node.Put(other, "moves shard time on");
        _node.Time.Advance(TimeSpan.FromSeconds(-15));
        Assert.Null(_node.Read("k"));
    }

    [Theory]
    [InlineData(0, "Key must not be empty")]
    [InlineData(1025, "Key size 1025 exceeds limit 1024")]
    public void Keys_out_of_bounds_are_refused_by_name(int length, string message)
    {
        string key = new('k', length);
        Assert.Equal(new KvError(KvCode.InvalidArgument, message), _node.Put(key, "v").Error);
        Assert.Equal(new KvError(KvCode.InvalidArgument, message), _node.Get(key).Error);
        Assert.Equal(new KvError(KvCode.InvalidArgument, message), _node.Delete(key).Error);
    }

    [Fact]
    public void The_longest_key_and_value_are_taken()
    {
        string key = new('k', 1024);
        Assert.True(_node.Put(key, new string('v', 1 << 20)).IsOk);
        Assert.Equal(1 << 20, _node.Get(key).Value.Value.Length);
        Assert.Equal("Value size 1048577 exceeds limit 1048576", _node.Put("k", new string('v', (1 << 20) + 1)).Error!.Message);
    }

    [Fact]
    public void Contradictions_are_refused()
    {
        PutOptions[] refused =
        [
            new() { IfNotExists = true, IfMatch = new(1, 1) },
            new() { Ttl = TimeSpan.Zero },
            new() { IdempotencyKey = new('i', 257) },
        ];
        Assert.All(refused, o => Assert.Equal(KvCode.InvalidArgument, _node.Put("k", "v", o).Error!.Code));
    }

    [Fact]
    public void Every_consistency_is_served_and_named()
    {
        _node.Put("k", "v");
        foreach (Consistency consistency in Enum.GetValues<Consistency>())
        {
            var read = new ReadOptions { Consistency = consistency };
            GetResult got = _node.Run(_node.Node.GetAsync(Bytes("k"), read, Context)).Value;
            Assert.True(got.Found);
            Assert.Equal(consistency, got.Meta.Consistency);
            Assert.Equal("n1", got.Meta.ServedBy);
            Assert.Equal(0, got.Meta.StalenessMs);
        }
    }

    [Fact]
    public void Any_bytes_make_a_key()
    {
        byte[][] keys = [[0], [0, 0], [0xFF], [0xFF, 0xFF], [1, 0, 2]];
        foreach (byte[] key in keys) Assert.True(_node.Run(_node.Node.PutAsync(key, key, new PutOptions(), Context)).IsOk);
        foreach (byte[] key in keys)
        {
            Assert.Equal(key, _node.Run(_node.Node.GetAsync(key, ReadOptions.Default, Context)).Value.Value.ToArray());
        }

        Assert.Equal(5, _node.Scan(new ScanOptions { CountOnly = true }).Value.Count);
    }
}
