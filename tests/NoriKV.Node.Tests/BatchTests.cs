using System.Text;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

public sealed class BatchTests : IDisposable
{
    private readonly SteppedNode _node = Start();

    public void Dispose() => _node.Stop();

    [Fact]
    public void Results_come_in_the_order_of_the_operations()
    {
        _node.Put("there", "old");
        IReadOnlyList<BatchOperationResult> results = _node.Batch(
            new BatchOptions(),
            [.. Enumerable.Range(0, 20).Select(i => BatchOperation.Put(Bytes($"k{i}"), Bytes($"v{i}"))),
                BatchOperation.Get(Bytes("there")), BatchOperation.Get(Bytes("missing")),
                BatchOperation.Delete(Bytes("nothing"))]).Value;
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(results[i].Version, _node.Get($"k{i}").Value.Version);
            Assert.Equal($"v{i}", _node.Read($"k{i}"));
        }

        Assert.Equal("old", Encoding.UTF8.GetString(results[20].Value.Span));
        Assert.Equal(KvVersion.None, results[21].Version);
        Assert.False(results[22].Tombstoned);
    }

    [Fact]
    public void What_the_gets_of_a_batch_answer_together_is_bounded()
    {
        byte[] large = new byte[1 << 20];
        for (int i = 0; i < 6; i++) Assert.True(_node.Batch(new BatchOptions(), BatchOperation.Put(Bytes($"k{i}"), large)).IsOk);
        BatchOperation[] gets = [.. Enumerable.Range(0, 6).Select(i => BatchOperation.Get(Bytes($"k{i}")))];
        IReadOnlyList<BatchOperationResult> results = _node.Batch(new BatchOptions(), gets).Value;
        Assert.Equal(4, results.Count(r => r.Error is null && r.Value.Length == large.Length));
        Assert.All(results.Where(r => r.Error is not null), r => Assert.Equal(KvCode.Overloaded, r.Error!.Code));
        Assert.All(results.Where(r => r.Error is not null), r => Assert.Equal(0, r.Value.Length));
    }

    [Fact]
    public void A_batch_that_writes_holds_few_gets()
    {
        BatchOperation[] gets = [.. Enumerable.Range(0, 65).Select(i => BatchOperation.Get(Bytes($"k{i}")))];
        Assert.True(_node.Batch(new BatchOptions(), gets).IsOk);
        KvError error = _node.Batch(new BatchOptions(), [.. gets, Put("w", "1")]).Error!;
        Assert.Equal(KvCode.InvalidArgument, error.Code);
        Assert.Contains("exceed limit 64", error.Message, StringComparison.Ordinal);
        Assert.True(_node.Batch(new BatchOptions(), [.. gets[..64], Put("w", "1")]).IsOk);
    }

    [Fact]
    public void A_call_is_one_entry_in_each_shard()
    {
        (string a, string b) = TwoInOneShard();
        IReadOnlyList<BatchOperationResult> results = _node.Batch(
            new BatchOptions { RequireAtomic = true }, Put(a, "1"), Put(b, "2")).Value;
        Assert.Equal(results[0].Version, results[1].Version);
    }

    [Fact]
    public void A_failed_condition_undoes_its_shard_and_no_other()
    {
        (string a, string b) = TwoInOneShard();
        string elsewhere = Enumerable.Range(0, 1000).Select(i => $"e{i}")
            .First(k => _node.Node.ShardOf(Bytes(k)) != _node.Node.ShardOf(Bytes(a)));
        IReadOnlyList<BatchOperationResult> results = _node.Batch(
            new BatchOptions(), Put(elsewhere, "x"), Put(a, "1"),
            BatchOperation.Put(Bytes(b), Bytes("2"), ifMatch: new KvVersion(9, 9))).Value;
        Assert.Null(results[0].Error);
        Assert.Equal(KvCode.FailedPrecondition, results[1].Error!.Code);
        Assert.Contains("operation 2", results[1].Error!.Message);
        Assert.Equal(KvCode.VersionMismatch, results[2].Error!.Code);
        Assert.Equal("x", _node.Read(elsewhere));
        Assert.Null(_node.Read(a));
        Assert.Null(_node.Read(b));
    }

    [Fact]
    public void A_get_in_a_refused_part_is_answered_all_the_same()
    {
        (string a, string b) = TwoInOneShard();
        _node.Put(a, "1");
        IReadOnlyList<BatchOperationResult> results = _node.Batch(
            new BatchOptions(), BatchOperation.Get(Bytes(a)),
            BatchOperation.Put(Bytes(b), Bytes("2"), ifMatch: new KvVersion(9, 9))).Value;
        Assert.Equal("1", Encoding.UTF8.GetString(results[0].Value.Span));
        Assert.NotNull(results[1].Error);
    }

    [Fact]
    public void Require_atomic_over_several_shards_is_refused_before_anything_is_done()
    {
        BatchOperation[] puts = [.. Enumerable.Range(0, 10).Select(i => Put($"k{i}", "v"))];
        Assert.Equal(KvCode.FailedPrecondition, _node.Batch(new BatchOptions { RequireAtomic = true }, puts).Error!.Code);
        for (int i = 0; i < 10; i++) Assert.Null(_node.Read($"k{i}"));
    }

    [Fact]
    public void A_key_named_twice_is_invalid()
    {
        Assert.Equal(KvCode.InvalidArgument, _node.Batch(new BatchOptions(), Put("k", "1"), Put("k", "2")).Error!.Code);
        Assert.Equal(
            KvCode.InvalidArgument,
            _node.Batch(new BatchOptions(), Put("k", "1"), BatchOperation.Get(Bytes("k"))).Error!.Code);
    }

    [Fact]
    public void Bad_operations_are_named_by_their_place()
    {
        KvError error = _node.Batch(new BatchOptions(), Put("k", "v"), Put("", "v")).Error!;
        Assert.Equal("Operation 1: Key must not be empty", error.Message);
        Assert.Equal(KvCode.InvalidArgument, _node.Batch(new BatchOptions()).Error!.Code);
    }

    [Fact]
    public void A_repeated_batch_returns_its_first_outcomes_in_every_shard()
    {
        BatchOperation[] puts = [.. Enumerable.Range(0, 10).Select(i => Put($"k{i}", "v"))];
        var options = new BatchOptions { IdempotencyKey = "b1" };
        IReadOnlyList<BatchOperationResult> first = _node.Batch(options, puts).Value;
        _node.Put("k3", "later");
        IReadOnlyList<BatchOperationResult> again = _node.Batch(options, puts).Value;
        Assert.Equal(first.Select(r => r.Version), again.Select(r => r.Version));
        Assert.All(again, r => Assert.Equal("true", r.Meta!.IdempotentReplay));
        Assert.Equal("later", _node.Read("k3"));
    }

    [Fact]
    public void A_large_batch_over_all_shards_takes_one_sync()
    {
        BatchOperation[] puts = [.. Enumerable.Range(0, 5000).Select(i => Put($"k{i}", "v"))];
        Assert.All(_node.Batch(new BatchOptions(), puts).Value, r => Assert.Null(r.Error));
        Assert.Equal(5000, _node.Scan(new ScanOptions { CountOnly = true }).Value.Count);
    }

    private static BatchOperation Put(string key, string value) => BatchOperation.Put(Bytes(key), Bytes(value));

    private (string A, string B) TwoInOneShard()
    {
        string b = Enumerable.Range(0, 1000).Select(i => $"b{i}")
            .First(k => _node.Node.ShardOf(Bytes(k)) == _node.Node.ShardOf(Bytes("a")));
        return ("a", b);
    }
}
