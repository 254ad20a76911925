using Nori.IO;

namespace Nori.Lsm.Tests;

/// <summary>
/// L7: what is deleted stays deleted, what a snapshot sees stays seen, and what nobody sees takes no space.
/// </summary>
public sealed class DeletionTests
{
    private readonly LsmOptions _options = Workload.Small(new MemoryFileSystem(1)) with { MemtableBytes = 1 << 20 };

    [Fact]
    public void A_tombstone_outlives_the_value_that_lies_deeper()
    {
        using var scope = new LsmEngineScope(_options);
        LsmEngine engine = scope.Engine;
        Put(engine, "k", "old");
        // So much that level 0 is compacted into a level above the deepest, where the value lies.
        for (int i = 0; i < 300; i++) Put(engine, $"filler{i:D3}", new string('-', 100));
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Delete(engine, "k");
        Flush(engine);
        // Another table in level 0, over the first, so that the two are merged and not just moved.
        Put(engine, "a", "x");
        Put(engine, "z", "x");
        Flush(engine);
        while (engine.RunOnce()) Assert.Null(engine.Get(Keys.Of("k")));
        Assert.Equal(0, engine.Stats.Levels[0].Tables);
        Assert.True(engine.Stats.Levels.Count(level => level.Tables > 0) > 1, "everything went into one level");
        Assert.Null(engine.Get(Keys.Of("k")));
        var all = new WriteBatch();
        all.DeleteRange(Keys.Of("a"), Keys.Of("zz"));
        engine.Write(all);
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.Null(engine.Get(Keys.Of("k")));
        Assert.Equal(0, engine.Stats.Levels.Sum(level => level.Tables));
    }

    [Fact]
    public void A_value_keeps_its_sequence_number_while_a_range_delete_must_stay_beside_it()
    {
        using var scope = new LsmEngineScope(_options);
        LsmEngine engine = scope.Engine;
        Put(engine, "k", "old");
        for (int i = 0; i < 300; i++) Put(engine, $"filler{i:D3}", new string('-', 100));
        Workload.Wait(engine.CompactRangeAsync(), engine);
        var batch = new WriteBatch();
        batch.DeleteRange(Keys.Of("j"), Keys.Of("l"));
        batch.Put(Keys.Of("k"), Keys.Of("new"));
        engine.Write(batch);
        Flush(engine);
        Put(engine, "a", "x");
        Put(engine, "z", "x");
        Flush(engine);
        while (engine.RunOnce()) continue;
        Assert.True(engine.Stats.Levels.Count(level => level.Tables > 0) > 1, "everything went into one level");
        LsmValue kept = engine.Get(Keys.Of("k"))!.Value;
        Assert.Equal("new", Keys.Show(kept.Value.Span));
        Assert.NotEqual(0UL, kept.Sequence);
        Assert.Contains("k", engine.Scan(ScanRange.All).Select(e => Keys.Show(e.Key.Span)));

        // At the bottom the range delete goes, and the number with it.
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.Equal(("new", 0UL), (Keys.Show(engine.Get(Keys.Of("k"))!.Value.Value.Span), engine.Get(Keys.Of("k"))!.Value.Sequence));
        Assert.Equal(["new"], engine.Scan(ScanRange.Prefix(Keys.Of("k"))).Select(e => Keys.Show(e.Value.Span)));
    }

    [Fact]
    public void A_value_that_a_snapshot_does_not_see_keeps_its_sequence_number()
    {
        using var scope = new LsmEngineScope(_options);
        LsmEngine engine = scope.Engine;
        using LsmSnapshot empty = engine.Snapshot();
        Put(engine, "k", "1");
        using (LsmSnapshot first = engine.Snapshot())
        {
            // Two tables, so that they are merged and not just moved.
            Flush(engine);
            Put(engine, "k", "2");
            Workload.Wait(engine.CompactRangeAsync(), engine);
            Assert.Equal("1", At(first));
            Assert.Equal("2", At(null));
            Assert.Null(At(empty));
        }

        empty.Dispose();
        Put(engine, "a", "x");
        Put(engine, "z", "x");
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.Equal("2", At(null));
        Assert.Equal(0UL, engine.Get(Keys.Of("k"))!.Value.Sequence);
        using LsmSnapshot later = engine.Snapshot();
        Put(engine, "k", "3");
        Assert.Equal("2", At(later));
        Assert.Equal("3", At(null));

        string? At(LsmSnapshot? snapshot) => engine.Get(Keys.Of("k"), new LsmReadOptions { Snapshot = snapshot }) is { } value
            ? Keys.Show(value.Value.Span) : null;
    }

    [Fact]
    public void An_expired_value_does_not_uncover_an_older_one()
    {
        var time = new ManualTime();
        using var scope = new LsmEngineScope(_options with { Time = time });
        LsmEngine engine = scope.Engine;
        Put(engine, "k", "old");
        Workload.Wait(engine.CompactRangeAsync(), engine);
        var batch = new WriteBatch();
        batch.Put(Keys.Of("k"), Keys.Of("new"), time.UnixMs + 10);
        engine.Write(batch);
        // Expired already when it is flushed: what deeper levels hold is not known then.
        time.UnixMs += 10;
        Flush(engine);
        Put(engine, "other", "x");
        Flush(engine);
        Assert.Null(engine.Get(Keys.Of("k")));
        while (engine.RunOnce()) Assert.Null(engine.Get(Keys.Of("k")));
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.Null(engine.Get(Keys.Of("k")));
        Assert.Equal(["other"], engine.Scan(ScanRange.All).Select(e => Keys.Show(e.Key.Span)));
    }

    [Fact]
    public void A_snapshot_keeps_what_a_range_delete_and_compactions_would_drop()
    {
        using var scope = new LsmEngineScope(_options);
        LsmEngine engine = scope.Engine;
        for (int i = 0; i < 50; i++) Put(engine, $"k{i:D2}", "v1");
        Workload.Wait(engine.CompactRangeAsync(), engine);
        LsmSnapshot before = engine.Snapshot();
        var batch = new WriteBatch();
        batch.DeleteRange(Keys.Of("k10"), Keys.Of("k40"));
        engine.Write(batch);
        Put(engine, "k20", "v2");
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.Equal(50, engine.Scan(ScanRange.All, new LsmReadOptions { Snapshot = before }).Count());
        Assert.Equal(21, engine.Scan(ScanRange.All).Count());
        before.Dispose();
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.Equal(21, engine.Scan(ScanRange.All).Count());
        Assert.Throws<ObjectDisposedException>(() => engine.Get(Keys.Of("k00"), new LsmReadOptions { Snapshot = before }));
    }

    // A compaction may see an ingest before readers do: what they see until then it must keep, beside any snapshot.
    [Fact]
    public void A_compaction_keeps_what_snapshots_see_and_what_readers_see_now()
    {
        using var scope = new LsmEngineScope(Workload.Small(new MemoryFileSystem(1)));
        Assert.Equal([0UL], scope.Engine.SnapshotSequences());
        Put(1);
        using LsmSnapshot snapshot = scope.Engine.Snapshot();
        Assert.Equal([1UL], scope.Engine.SnapshotSequences());
        Put(2);
        Put(3);
        Assert.Equal([1UL, 3UL], scope.Engine.SnapshotSequences());

        void Put(int i)
        {
            var batch = new WriteBatch();
            batch.Put(Keys.Number(i), Keys.Of("value"));
            scope.Engine.Write(batch);
        }
    }

    [Fact]
    public void An_iterator_keeps_its_view_while_everything_under_it_is_rewritten()
    {
        using var scope = new LsmEngineScope(_options);
        LsmEngine engine = scope.Engine;
        for (int i = 0; i < 100; i++) Put(engine, $"k{i:D2}", "v1");
        Flush(engine);
        using LsmIterator iterator = engine.Scan(ScanRange.All);
        for (int i = 0; i < 10; i++) Assert.True(iterator.MoveNext());
        var batch = new WriteBatch();
        batch.DeleteRange(Keys.Of("k"), Keys.Of("l"));
        engine.Write(batch);
        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.Equal(0, engine.Stats.Levels.Sum(level => level.Tables));
        int rest = 0;
        while (iterator.MoveNext())
        {
            rest++;
            Assert.Equal("v1", Keys.Show(iterator.Value));
        }

        Assert.Equal(90, rest);
    }

    [Fact]
    public void Sequence_numbers_rise_over_reopening_and_after_refused_writes()
    {
        ulong last;
        using (var scope = new LsmEngineScope(_options))
        {
            Put(scope.Engine, "a", "1");
            Put(scope.Engine, "b", "1");
            Flush(scope.Engine);
            Put(scope.Engine, "c", "1");
            last = scope.Engine.Stats.LastSequence;
        }

        using var again = new LsmEngineScope(_options);
        Put(again.Engine, "a", "2");
        Assert.True(again.Engine.Get(Keys.Of("a"))!.Value.Sequence > last);
    }

    private static void Put(LsmEngine engine, string key, string value)
    {
        var batch = new WriteBatch();
        batch.Put(Keys.Of(key), Keys.Of(value));
        engine.Write(batch);
    }

    private static void Delete(LsmEngine engine, string key)
    {
        var batch = new WriteBatch();
        batch.Delete(Keys.Of(key));
        engine.Write(batch);
    }

    private static void Flush(LsmEngine engine) => Workload.Wait(engine.FlushAsync(), engine);
}
