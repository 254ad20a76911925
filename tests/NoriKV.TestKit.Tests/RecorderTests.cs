using NoriKV.Client;
using NoriKV.Embedded;
using NoriKV.TestKit.Histories;
using NoriKV.TestKit.Linearizability;
using NoriKV.TestKit.Recording;
using NoriKV.Types;

namespace NoriKV.TestKit.Tests;

public sealed class RecorderTests : IAsyncLifetime
{
    private readonly HistoryRecorder _recorder = new();
    private INoriKV _inner = null!;
    private INoriKV _store = null!;

    public async ValueTask InitializeAsync()
    {
        _inner = await EmbeddedNoriKV.OpenAsync(new EmbeddedOptions());
        _store = _recorder.Wrap(_inner);
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    private IEnumerable<string> Calls => _recorder.History.Select(o => $"{o.Key} {o}");

    [Fact]
    public async Task Calls_and_answers_are_recorded()
    {
        PutResult put = await _store.PutAsync("a", "1");
        await _store.GetStringAsync("a");
        await _store.PutAsync("a", "2", new PutOptions { IfMatch = put.Version });
        await _store.DeleteAsync("a");
        await _store.GetStringAsync("a");
        await _store.PutAsync(new byte[] { 0xFF }, "x"u8.ToArray(), new PutOptions { IfNotExists = true });
        Assert.Equal(
            ["a write 1", "a read -> 1", "a cas 1 => 2 ok", "a delete", "a read -> nil", "b64:/w== cas nil => x ok"], Calls);
        Assert.All(_recorder.History, o => Assert.True(o.Client == 1 && o.Called < o.Returned));
        _recorder.ThrowIfNotLinearizable();
    }

    [Fact]
    public async Task A_refusal_forbids_only_what_it_proves()
    {
        PutResult put = await _store.PutAsync("a", "1");
        await _store.PutAsync("a", "2");
        await Assert.ThrowsAsync<VersionMismatchException>(
            async () => await _store.PutAsync("a", "3", new PutOptions { IfMatch = put.Version }));
        await Assert.ThrowsAsync<AlreadyExistsException>(
            async () => await _store.PutAsync("a", "4", new PutOptions { IfNotExists = true }));
        Assert.Equal(["a write 1", "a write 2", "a cas nil => 4 failed"], Calls);
    }

    [Fact]
    public async Task Repeats_with_one_idempotency_key_are_one_write()
    {
        PutOptions once = new() { IdempotencyKey = "once" };
        await _store.PutAsync("a", "1", once);
        await _store.PutAsync("a", "2");
        await _store.PutAsync("a", "1", once);
        Assert.Equal("2", await _store.GetStringAsync("a"));
        Assert.Equal(["a write 1", "a write 2", "a read -> 2"], Calls);
        _recorder.ThrowIfNotLinearizable();
    }

    [Fact]
    public async Task A_write_whose_outcome_is_learnt_by_a_repeat_lasts_from_the_first_to_the_last()
    {
        Failing failing = new(_inner) { Fails = true };
        INoriKV store = _recorder.Wrap(failing);
        PutOptions once = new() { IdempotencyKey = "once" };
        await Assert.ThrowsAsync<OutcomeUnknownException>(async () => await store.PutAsync("a", "1", once));
        Assert.False(_recorder.History.Single().IsKnown);
        Assert.Equal("1", await store.GetStringAsync("a"));
        failing.Fails = false;
        await store.PutAsync("a", "1", once);
        Operation write = _recorder.History[0], read = _recorder.History[1];
        Assert.True(write.IsKnown && write.Called < read.Called && write.Returned > read.Returned);
        Assert.NotEqual(write.Client, read.Client);
    }

    [Fact]
    public async Task A_batch_and_a_scan_are_their_operations()
    {
        IReadOnlyList<BatchOperationResult> results = await _store.BatchAsync(
            [
                BatchOperation.Put("a"u8.ToArray(), "1"u8.ToArray()),
                BatchOperation.Put("b"u8.ToArray(), "2"u8.ToArray()),
                BatchOperation.Get("c"u8.ToArray()),
                BatchOperation.Delete("d"u8.ToArray()),
            ]);
        Assert.All(results, r => Assert.Null(r.Error));
        await foreach (KvPair pair in _store.ScanAsync(new ScanOptions()))
            await _store.PutAsync(pair.Key, "new"u8.ToArray(), new PutOptions { IfMatch = pair.Version });
        Assert.Equal(
            [
                "a write 1", "b write 2", "c read -> nil", "d delete",
                "a read -> 1", "a cas 1 => new ok", "b read -> 2", "b cas 2 => new ok",
            ],
            Calls);
        Assert.Equal(4, _recorder.History.Take(4).Select(o => o.Client).Distinct().Count());
        StringWriter text = new();
        HistoryWriter.Write(_recorder.History, text);
        Assert.Equal(8, HistoryReader.Read(text.ToString().Split('\n'), "h").Count);
        _recorder.ThrowIfNotLinearizable();
    }

    [Fact]
    public async Task What_cannot_be_judged_is_left_out()
    {
        await _store.PutAsync("a", "1", new PutOptions { Ttl = TimeSpan.FromHours(1) });
        await _store.GetStringAsync("a");
        await _store.PutAsync("b", "1");
        await _store.GetAsync("b", new ReadOptions { Consistency = Consistency.StaleOk });
        Assert.Equal(["b write 1"], Calls);
        Assert.Equal(["a"], _recorder.KeysLeftOut);
    }

    [Fact]
    public async Task A_store_that_loses_a_write_is_caught()
    {
        Failing failing = new(_inner) { Swallows = true };
        INoriKV store = _recorder.Wrap(failing);
        await store.PutAsync("a", "1");
        Assert.Null(await store.GetStringAsync("a"));
        NotLinearizableException e = Assert.Throws<NotLinearizableException>(_recorder.ThrowIfNotLinearizable);
        Assert.Contains("write 1", e.Message, StringComparison.Ordinal);
        Assert.Contains("* client   1", e.Message, StringComparison.Ordinal);
        Assert.Null(e.Contradiction.Culprit.Result);
    }

    // Does the write and says that it does not know; or says that it did and did not.
    private sealed class Failing(INoriKV inner) : INoriKV
    {
        public bool Fails { get; set; }

        public bool Swallows { get; set; }

        public async ValueTask<PutResult> PutAsync(
            ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions? options, CancellationToken cancellationToken)
        {
            if (Swallows) return new PutResult(new KvVersion(1, 1), KvMeta.None);
            PutResult result = await inner.PutAsync(key, value, options, cancellationToken);
            return Fails ? throw new OutcomeUnknownException(new KvError(KvCode.CommitTimeout, "lost")) : result;
        }

        public ValueTask<GetResult> GetAsync(ReadOnlyMemory<byte> key, ReadOptions? options, CancellationToken cancellationToken) =>
            inner.GetAsync(key, options, cancellationToken);

        public ValueTask<DeleteResult> DeleteAsync(
            ReadOnlyMemory<byte> key, DeleteOptions? options, CancellationToken cancellationToken) =>
            inner.DeleteAsync(key, options, cancellationToken);

        public ValueTask<IReadOnlyList<BatchOperationResult>> BatchAsync(
            IReadOnlyList<BatchOperation> operations, BatchOptions? options, CancellationToken cancellationToken) =>
            inner.BatchAsync(operations, options, cancellationToken);

        public IAsyncEnumerable<KvPair> ScanAsync(ScanOptions options, CancellationToken cancellationToken) =>
            inner.ScanAsync(options, cancellationToken);

        public ValueTask<ScanPage> ScanPageAsync(ScanOptions options, CancellationToken cancellationToken) =>
            inner.ScanPageAsync(options, cancellationToken);

        public ValueTask<long> CountAsync(ScanOptions options, CancellationToken cancellationToken) =>
            inner.CountAsync(options, cancellationToken);

        public ValueTask<ClusterView> GetClusterViewAsync(CancellationToken cancellationToken) =>
            inner.GetClusterViewAsync(cancellationToken);

        public ValueTask<bool> IsServingAsync(CancellationToken cancellationToken) => inner.IsServingAsync(cancellationToken);

        public IAsyncEnumerable<ClusterView> WatchClusterAsync(CancellationToken cancellationToken) =>
            inner.WatchClusterAsync(cancellationToken);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
