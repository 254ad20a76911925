using Nori.IO;
using Nori.Observe;

namespace Nori.Lsm.Tests;

/// <summary>
/// An engine under an owner's log (docs/protocol.md §2): nothing is installed ahead of that log.
/// </summary>
public sealed class OwnerTests
{
    private readonly MemoryFileSystem _files = new(1);
    private readonly Owner _owner = new();

    [Fact]
    public void A_table_enters_the_manifest_only_when_the_owners_log_is_durable_so_far()
    {
        LsmEngine engine = Open();
        Write(engine, "a", 7);
        Task flushed = engine.FlushAsync();
        while (engine.RunOnce()) continue;
        Assert.False(flushed.IsCompleted);
        Assert.Equal(7UL, _owner.Asked);
        Assert.Equal(0, engine.Stats.Levels.Sum(level => level.Tables));
        Assert.Equal(7UL, engine.OldestUnflushedWatermark);

        // The log is lost up to 5: what the engine knows must not be ahead of it.
        using (var after = new LsmEngineScope(Options(_files.Crash(3, CrashMode.ProcessOnly))))
            Assert.Null(after.Engine.Get(Keys.Of("a")));

        _owner.Durable = 7;
        engine.NotifyDurable();
        while (engine.RunOnce()) continue;
        Assert.True(flushed.IsCompleted);
        Assert.Equal([1UL], _owner.Flushed);
        Assert.Null(engine.OldestUnflushedWatermark);
        Assert.Equal(7UL, engine.FlushedWatermark);
        MemoryFileSystem crashed = _files.Crash(4);
        // Each opening writes the manifest anew.
        for (int life = 0; life < 2; life++)
        {
            using var after = new LsmEngineScope(Options(crashed));
            Assert.NotNull(after.Engine.Get(Keys.Of("a")));
            Assert.Equal(7UL, after.Engine.FlushedWatermark);
        }

        engine.Abandon();
    }

    [Fact]
    public void Memtables_are_installed_in_the_order_they_were_made()
    {
        LsmEngine engine = Open();
        Write(engine, "a", 9);
        Task first = engine.FlushAsync();
        Write(engine, "b", 3);
        Task second = engine.FlushAsync();
        _owner.Durable = 5;
        while (engine.RunOnce()) continue;
        Assert.False(first.IsCompleted);
        Assert.False(second.IsCompleted);
        Assert.Equal([1UL, 2UL], _owner.Sealed);
        Assert.Equal(3UL, engine.OldestUnflushedWatermark);
        _owner.Durable = 9;
        while (engine.RunOnce()) continue;
        Assert.True(first.IsCompletedSuccessfully && second.IsCompletedSuccessfully);
        Assert.Equal([1UL, 2UL], _owner.Flushed);
        engine.Abandon();
    }

    [Fact]
    public async Task With_threads_the_flush_waits_for_the_owner_too()
    {
        LsmEngine engine = LsmEngine.Open(Options(_files) with { RunBackground = true });
        Write(engine, "a", 4);
        Task flushed = engine.FlushAsync();
        Assert.False(flushed.IsCompleted);
        _owner.Durable = 4;
        engine.NotifyDurable();
        await flushed.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal([1UL], _owner.Flushed);
        await engine.DisposeAsync();
    }

    [Fact]
    public async Task Closing_ends_writes_that_wait_for_an_owner_who_is_never_durable()
    {
        LsmEngine engine = LsmEngine.Open(
            Options(_files) with { RunBackground = true, MemtableBytes = 1024, ImmutableMemtablesMax = 1 });
        Task[] writers = [.. Enumerable.Range(0, 3).Select(writer => Task.Run(async () =>
        {
            for (ulong i = 1; ; i++)
            {
                var batch = new WriteBatch { Watermark = i };
                batch.Put(Keys.Number((int)i), new byte[200]);
                if (writer == 0) engine.Write(batch);
                else await engine.WriteAsync(batch);
            }
        }))];
        while (engine.Stats.Stalls == 0) await Task.Yield();
        Assert.True(engine.Stats.IsStalled);
        await engine.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        foreach (Task writer in writers)
            await Assert.ThrowsAsync<ObjectDisposedException>(() => writer.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Expired_entries_go_by_the_owners_cutoff_and_not_by_a_clock()
    {
        LsmEngine engine = Open();
        _owner.Durable = ulong.MaxValue;
        var batch = new WriteBatch { Watermark = 1 };
        batch.Put(Keys.Of("a"), Keys.Of("1"), expiryUnixMs: 500);
        engine.Write(batch);
        Workload.Wait(engine.CompactRangeAsync(), engine);
        var all = new LsmReadOptions { IncludeExpired = true };
        Assert.Null(engine.Get(Keys.Of("a")));
        Assert.Equal(500, engine.Get(Keys.Of("a"), all)!.Value.ExpiryUnixMs);
        Assert.Equal("1", Keys.Show(engine.Get(Keys.Of("a"), new LsmReadOptions { NowUnixMs = 499 })!.Value.Value.Span));

        _owner.Cutoff = 500;
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.Null(engine.Get(Keys.Of("a"), all));
        Assert.Equal(0, engine.Stats.Levels.Sum(level => level.Tables));
        Assert.Equal(1, engine.ExpiredEntries);
        engine.Abandon();
    }

    [Fact]
    public void What_filters_are_good_for_is_counted()
    {
        _owner.Durable = ulong.MaxValue;
        var meter = new CountingMeter();
        LsmEngine engine = LsmEngine.Open(Options(_files) with { Meter = meter });
        var batch = new WriteBatch { Watermark = 1 };
        for (int i = 0; i < 1000; i += 2) batch.Put(Keys.Number(i), Keys.Of("value"));
        engine.Write(batch);
        Workload.Wait(engine.FlushAsync(), engine);
        for (int i = 0; i < 999; i++) Assert.Equal(i % 2 == 0, engine.Get(Keys.Number(i)) is not null);
        Assert.Equal(500, meter.Of("found"));
        // One in a hundred is let through, with ten bits a key.
        Assert.Equal(499, meter.Of("useful") + meter.Of("false_positive"));
        Assert.InRange(meter.Of("useful"), 470, 499);
        engine.Abandon();
    }

    // Of an engine that its owner steps: the write is the only thread that can make room.
    [Fact]
    public async Task Who_waited_for_a_flush_may_write_although_another_write_made_it()
    {
        LsmEngine engine = LsmEngine.Open(Options(_files) with { MemtableBytes = 1024, ImmutableMemtablesMax = 2 });
        Write(engine, "a", 1);
        Task flushed = engine.FlushAsync();
        Assert.False(flushed.IsCompleted);
        Task written = WriteBehindAsync();
        _owner.Durable = ulong.MaxValue;
        Task filling = Task.Run(() =>
        {
            for (int i = 0; i < 200; i++) Write(engine, $"k{i}", 2);
        });
        await filling.WaitAsync(TimeSpan.FromSeconds(60));
        while (engine.RunOnce()) continue;
        await written.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.NotNull(engine.Get(Keys.Of("behind")));
        engine.Abandon();

        // On the thread that ends the wait.
        async Task WriteBehindAsync()
        {
            await flushed.ConfigureAwait(false);
            Write(engine, "behind", 3);
        }
    }

    private LsmEngine Open() => LsmEngine.Open(Options(_files));

    private LsmOptions Options(IFileSystem files) =>
        Workload.Small(files, LsmWalMode.None) with { Owner = _owner, MemtableBytes = 1 << 20 };

    private static void Write(LsmEngine engine, string key, ulong watermark)
    {
        var batch = new WriteBatch { Watermark = watermark };
        batch.Put(Keys.Of(key), Keys.Of("value"));
        engine.Write(batch);
    }

    /// <summary>Counts by the result that a counter is labelled with; everything else is forgotten.</summary>
    private sealed class CountingMeter : IMeter
    {
        private readonly Dictionary<string, Cell> _cells = [];

        public long Of(string result) => _cells.TryGetValue(result, out Cell? cell) ? cell.Value : 0;

        public Counter Counter(string name, string help, params ReadOnlySpan<Label> labels)
        {
            if (name != "lsm_bloom_filter_lookups_total") return NullMeter.Instance.Counter(name, help, labels);
            return _cells[labels[0].Value] = new Cell();
        }

        public Gauge Gauge(string name, string help, params ReadOnlySpan<Label> labels) => NullMeter.Instance.Gauge(name, help, labels);

        public void ObservableGauge(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels)
        {
        }

        public void ObservableCounter(string name, string help, Func<long> read, params ReadOnlySpan<Label> labels)
        {
        }

        public Histogram Histogram(
            string name, string help, ReadOnlyMemory<double> buckets, params ReadOnlySpan<Label> labels) =>
            NullMeter.Instance.Histogram(name, help, buckets, labels);

        private sealed class Cell : Counter
        {
            public long Value { get; private set; }

            public override void Add(long delta = 1) => Value += delta;
        }
    }

    private sealed class Owner : ILsmOwner
    {
        public ulong Durable { get; set; }

        public ulong Asked { get; private set; }

        public long Cutoff { get; set; }

        public List<ulong> Sealed { get; } = [];

        public List<ulong> Flushed { get; } = [];

        public void OnMemtableSealed(ulong memtable) => Sealed.Add(memtable);

        public bool MayInstall(ulong memtable, ulong maxWatermark)
        {
            Asked = maxWatermark;
            return maxWatermark <= Durable;
        }

        public void OnFlushed(ulong memtable) => Flushed.Add(memtable);

        public long ExpiryCutoff(ReadOnlySpan<byte> key) => Cutoff;
    }
}
