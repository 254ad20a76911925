using Nori.Core;
using Nori.IO;

namespace Nori.Lsm.Tests;

/// <summary>Open tables are bounded, and closing one under a reader shows nowhere.</summary>
public sealed class TableCacheTests
{
    private const int KeyCount = 400;

    private readonly MemoryFileSystem _files = new(1);

    [Fact]
    public void No_more_tables_are_open_than_allowed_and_every_answer_is_right()
    {
        using var scope = new LsmEngineScope(Workload.Small(_files) with { OpenTablesMax = 2 });
        LsmEngine engine = scope.Engine;
        Fill(engine);
        Assert.True(engine.Stats.Levels.Sum(level => level.Tables) > 5, "too few tables to tell");
        var random = new Prng(3);
        for (int i = 0; i < 2000; i++)
        {
            int key = random.NextInt(KeyCount);
            Assert.Equal($"value {key}", Keys.Show(engine.Get(Keys.Number(key))!.Value.Value.Span));
            Assert.InRange(engine.OpenTables.Tables, 1, 2);
        }

        // An iterator holds what it stands on, whatever is closed meanwhile.
        using LsmIterator walk = engine.Scan(ScanRange.All);
        for (int i = 0; i < KeyCount; i++)
        {
            Assert.True(walk.MoveNext());
            Assert.Equal(Keys.Number(i), walk.Key.ToArray());
            Assert.NotNull(engine.Get(Keys.Number(KeyCount - 1 - i)));
        }
    }

    [Fact]
    public void The_memory_of_open_tables_is_bounded_too()
    {
        long one;
        using (var scope = new LsmEngineScope(Workload.Small(_files)))
        {
            Fill(scope.Engine);
            for (int i = 0; i < KeyCount; i++) Assert.NotNull(scope.Engine.Get(Keys.Number(i)));
            (int tables, long bytes) = scope.Engine.OpenTables;
            Assert.True(tables > 5);
            one = bytes / tables;
        }

        using var again = new LsmEngineScope(Workload.Small(_files) with { OpenTablesBytes = 3 * one });
        for (int i = 0; i < KeyCount; i++)
        {
            Assert.NotNull(again.Engine.Get(Keys.Number(i)));
            Assert.InRange(again.Engine.OpenTables.Bytes, 1, 4 * one);
        }
    }

    [Fact]
    public void A_compacted_table_gives_its_place_back()
    {
        using var scope = new LsmEngineScope(Workload.Small(_files) with { OpenTablesMax = 1000 });
        for (int round = 0; round < 5; round++)
        {
            Fill(scope.Engine);
            for (int i = 0; i < KeyCount; i++) Assert.NotNull(scope.Engine.Get(Keys.Number(i)));
        }

        Assert.True(scope.Engine.OpenTables.Tables <= scope.Engine.Stats.Levels.Sum(level => level.Tables));
    }

    [Fact]
    public async Task Readers_on_many_threads_see_nothing_of_tables_being_closed()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("nori-tables-");
        LsmOptions options = Workload.Small(DiskFileSystem.Instance) with
        {
            Directory = folder.FullName,
            OpenTablesMax = 1,
            Time = TimeProvider.System,
        };
        await using (LsmEngine engine = LsmEngine.Open(options))
        {
            Fill(engine);
            await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
            {
                var random = new Prng((ulong)thread);
                for (int i = 0; i < 3000; i++)
                {
                    int key = random.NextInt(KeyCount);
                    Assert.Equal($"value {key}", Keys.Show(engine.Get(Keys.Number(key))!.Value.Value.Span));
                    if (i % 50 != 0) continue;
                    using LsmIterator from = engine.Scan(ScanRange.Between(Keys.Number(key), null));
                    Assert.True(from.MoveNext());
                }
            }, TestContext.Current.CancellationToken)));
            Assert.InRange(engine.OpenTables.Tables, 1, 1);
        }

        folder.Delete(recursive: true);
    }

    private static void Fill(LsmEngine engine)
    {
        for (int i = 0; i < KeyCount; i++)
        {
            var batch = new WriteBatch();
            batch.Put(Keys.Number(i), Keys.Of($"value {i}"));
            engine.Write(batch);
        }

        Workload.Wait(engine.CompactRangeAsync(), engine);
    }
}
