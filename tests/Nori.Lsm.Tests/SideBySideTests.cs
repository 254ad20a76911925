using Nori.Core;
using Nori.IO;
using Nori.Lsm.Compaction;

namespace Nori.Lsm.Tests;

/// <summary>Compactions that run beside each other.</summary>
public sealed class SideBySideTests
{
    [Fact]
    public void They_share_no_keys_or_no_levels_and_nothing_is_lost()
    {
        int together = 0;
        for (ulong seed = 1; seed <= 6; seed++)
        {
            var random = new Prng(seed);
            using var scope = new LsmEngineScope(Workload.Small(new MemoryFileSystem(1)) with
            {
                CompactionsMax = 3,
                CompactionStepBytes = 128,
                BaseLevelBytes = 1024,
                TargetFileBytes = 512,
            });
            var expected = new SortedDictionary<string, string>(StringComparer.Ordinal);
            for (int i = 0; i < 1500; i++)
            {
                // Runs of neighbours, so that tables of a level are apart.
                string key = $"key{(random.NextInt(20) * 50) + (i % 50):D4}";
                var batch = new WriteBatch();
                batch.Put(Keys.Of(key), Keys.Of($"{seed} {i}"));
                expected[key] = $"{seed} {i}";
                scope.Engine.Write(batch);
                for (int step = random.NextInt(4); step > 0 && scope.Engine.RunOnce(); step--)
                    together = Math.Max(together, CheckApart(scope.Engine.RunningCompactions()));
            }

            while (scope.Engine.RunOnce()) CheckApart(scope.Engine.RunningCompactions());
            Assert.Equal(expected, Workload.Read(scope.Engine));
        }

        Assert.True(together >= 2, "never were two under way");
    }

    [Fact]
    public void What_a_caller_asked_for_waits_for_what_is_in_its_way_and_then_runs()
    {
        using var scope = new LsmEngineScope(Workload.Small(new MemoryFileSystem(1)) with
        {
            CompactionsMax = 3,
            CompactionStepBytes = 64,
        });
        LsmEngine engine = scope.Engine;
        for (int i = 0; engine.RunningCompactions().Count == 0; i++)
        {
            var batch = new WriteBatch();
            batch.Put(Keys.Number(i % 100), Keys.Of($"value {i}"));
            engine.Write(batch);
            engine.RunOnce();
            Assert.True(i < 10_000, "no compaction began");
        }

        Workload.Wait(engine.CompactRangeAsync(), engine);
        Assert.Single(engine.Stats.Levels, level => level.Tables > 0);
    }

    private static int CheckApart(IReadOnlyList<CompactionPick> running)
    {
        for (int i = 0; i < running.Count; i++)
        {
            for (int j = 0; j < i; j++)
            {
                CompactionPick a = running[i], b = running[j];
                bool levels = a.OutputLevel < b.Level || b.OutputLevel < a.Level;
                bool keys = KeyComparer.Instance.Compare(a.Largest, b.Smallest) < 0
                    || KeyComparer.Instance.Compare(b.Largest, a.Smallest) < 0;
                Assert.True(levels || keys, $"levels {a.Level} to {a.OutputLevel} beside {b.Level} to {b.OutputLevel}");
            }
        }

        return running.Count;
    }
}
