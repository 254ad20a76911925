namespace Nori.Lsm.Tests;

/// <summary>BackgroundBytesPerSecond, on a clock that moves only while a compaction's thread rests.</summary>
public sealed class RateTests
{
    private const long Rate = 1 << 20;

    // Whatever wakes the thread early: every flush and every other lane's end does.
    [Theory]
    [InlineData(1.0)]
    [InlineData(0.1)]
    public void The_rate_of_compactions_is_kept_also_where_a_step_takes_seconds_of_it_and_rests_end_early(double rested)
    {
        var time = new ManualTime();
        using var scope = new LsmEngineScope(new LsmOptions
        {
            Directory = "/db", FileSystem = new IO.MemoryFileSystem(1), WriteAheadLog = LsmWalMode.None, RunBackground = false,
            BackgroundBytesPerSecond = Rate, CompactionStepBytes = 4 << 20, Compression = Compression.CompressionType.None,
            MemtableBytes = 8 << 20, TargetFileBytes = 2 << 20, BlockCacheBytes = 0, L0CompactionTrigger = 3, Time = time, Seed = 1,
        });
        LsmEngine engine = scope.Engine;
        byte[] value = new byte[16 << 10];
        for (int table = 0; table < 3; table++)
        {
            for (int i = 0; i < 300; i++)
            {
                var batch = new WriteBatch();
                batch.Put(Keys.Number(i * 3 + table), value);
                engine.Write(batch);
            }

            Workload.Wait(engine.FlushAsync(), engine);
        }

        // What the flushes wrote is made up for first.
        while (engine.CompactionRest() > TimeSpan.Zero) time.UnixMs += 1000;
        long began = time.UnixMs;
        bool idle = false;
        for (int i = 0; !idle; i++)
        {
            Assert.True(i < 100_000, "it does not end");
            LsmLoop.Turn(
                engine.RunCompactionOnce, engine.CompactionRest, () => TimeSpan.MaxValue,
                wait =>
                {
                    if (wait == TimeSpan.MaxValue) idle = true;
                    else time.UnixMs += Math.Max(1, (long)(wait.TotalMilliseconds * rested));
                });
        }

        long written = engine.Stats.CompactionWrittenBytes;
        Assert.True(written > 12 << 20, $"only {written} bytes");
        double seconds = (time.UnixMs - began) / 1000.0;
        Assert.InRange(written / seconds, Rate / 2.0, Rate * 2.0);
    }
}
