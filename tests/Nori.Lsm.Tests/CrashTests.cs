using Nori.IO;
using State = System.Collections.Generic.SortedDictionary<string, string>;

namespace Nori.Lsm.Tests;

/// <summary>
/// L1, L3, D1, D7, D9, D14: what was acknowledged is there after any crash, and nothing is there in part.
/// </summary>
public sealed class CrashTests
{
    private const int Steps = 120;

    // tests/soak runs others: NORI_LSM_CRASH_SEEDS=SEED, or FIRST+COUNT.
    public static IEnumerable<TheoryDataRow<ulong, CrashMode>> Crashes() =>
        from row in Model.ModelTests.Seeds("NORI_LSM_CRASH_SEEDS", "1+1")
        from mode in (CrashMode[])[CrashMode.PowerLoss, CrashMode.PowerLossGarbage, CrashMode.DropUnsynced]
        select new TheoryDataRow<ulong, CrashMode>(row.Data, mode);

    [Theory]
    [MemberData(nameof(Crashes))]
    public void A_power_loss_before_any_file_system_call_loses_nothing_acknowledged(ulong seed, CrashMode mode)
    {
        var memory = new MemoryFileSystem(seed);
        var files = new FaultInjectingFileSystem(memory);
        LsmOptions options = Workload.Small(files);
        var workload = new Workload(seed, options);
        var crashes = new List<(FaultCall Call, MemoryFileSystem After, State A, State B)>();
        files.Add(new FaultRule
        {
            Errno = 0,
            Times = FaultRule.Forever,
            Action = call => crashes.Add(
                (call, memory.Crash(seed + (ulong)call.Number, mode), workload.Acknowledged, workload.UnderWay)),
        });
        LsmEngine engine = LsmEngine.Open(options);
        for (int i = 0; i < Steps; i++) workload.Step(engine);
        engine.Abandon();
        Assert.True(crashes.Count > 300, $"only {crashes.Count} calls");
        foreach ((FaultCall call, MemoryFileSystem after, State a, State b) in crashes)
        {
            try
            {
                CheckIsOneOf(after, a, b);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, power lost before call {call}", e);
            }
        }
    }

    [Fact]
    public void Crashes_during_recovery_lose_nothing_either()
    {
        var memory = new MemoryFileSystem(9);
        LsmOptions options = Workload.Small(memory);
        var workload = new Workload(9, options);
        LsmEngine engine = LsmEngine.Open(options);
        for (int i = 0; i < 60; i++) workload.Step(engine);
        MemoryFileSystem down = memory.Crash(77);
        engine.Abandon();
        for (int k = 0; ; k++)
        {
            MemoryFileSystem again = down.Clone();
            var files = new FaultInjectingFileSystem(again);
            MemoryFileSystem? after = null;
            files.Add(new FaultRule { AfterCalls = k, Errno = 0, Action = _ => after = again.Crash((ulong)k) });
            LsmEngine opened = LsmEngine.Open(Workload.Small(files));
            opened.Abandon();
            if (after is null) break;
            CheckIsOneOf(after, workload.Acknowledged, workload.Acknowledged);
        }
    }

    [Fact]
    public void Without_syncs_a_power_loss_leaves_a_prefix_and_a_killed_process_loses_nothing()
    {
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var memory = new MemoryFileSystem(seed);
            LsmOptions options = Workload.Small(memory, LsmWalMode.Os);
            var workload = new Workload(seed, options);
            LsmEngine engine = LsmEngine.Open(options);
            for (int i = 0; i < 60; i++) workload.Step(engine);
            MemoryFileSystem killed = memory.Crash(seed, CrashMode.ProcessOnly);
            MemoryFileSystem lost = memory.Crash(seed);
            engine.Abandon();
            CheckIsOneOf(killed, workload.Acknowledged, workload.Acknowledged);

            LsmEngine opened = LsmEngine.Open(Workload.Small(lost, LsmWalMode.Os));
            State found = Workload.Read(opened);
            Assert.True(
                found.Count == 0 || workload.History.Exists(state => state.SequenceEqual(found)),
                $"seed {seed}: the state after the power loss never was");
            opened.Write(One("after", "the loss"));
            opened.Abandon();
            using LsmEngineScope third = new(Workload.Small(lost.Crash(seed, CrashMode.ProcessOnly), LsmWalMode.Os));
            found["after"] = "the loss";
            Assert.Equal(found, Workload.Read(third.Engine));
        }
    }

    [Theory]
    [InlineData(5)] // EIO
    [InlineData(28)] // ENOSPC
    public void Any_single_failing_call_is_survived_or_stops_the_writes(int errno)
    {
        bool reached = true;
        for (int k = 0; reached; k++)
        {
            var memory = new MemoryFileSystem(3);
            var files = new FaultInjectingFileSystem(memory);
            LsmOptions options = Workload.Small(files);
            var workload = new Workload(3, options);
            LsmEngine engine = LsmEngine.Open(options);
            FaultRule rule = files.Add(new FaultRule { AfterCalls = k, Errno = errno });
            string? failed = Run(workload, engine, errno);
            reached = rule.Matches > k;
            try
            {
                // Reads go on.
                if (failed is null) Assert.Equal(workload.Acknowledged, Workload.Read(engine));
                else _ = Workload.Read(engine);
                MemoryFileSystem killed = memory.Crash(1, CrashMode.ProcessOnly), lost = memory.Crash((ulong)k);
                engine.Abandon();
                CheckIsOneOf(killed, workload.Acknowledged, workload.UnderWay);
                CheckIsOneOf(lost, workload.Acknowledged, workload.UnderWay);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException(
                    $"call {k} failed with errno {errno}; the workload: {failed ?? "went on"}", e);
            }
        }
    }

    private static string? Run(Workload workload, LsmEngine engine, int errno)
    {
        for (int i = 0; i < 80; i++)
        {
            try
            {
                workload.Step(engine);
            }
            catch (LsmFailedException e)
            {
                Assert.Throws<LsmFailedException>(() => engine.Write(One("x", "y")));
                return e.Message;
            }
            catch (LsmDiskFullException) when (errno == 28)
            {
                // Refused: nothing of it is kept, and it comes back by itself.
                for (int tries = 0; engine.Stats.IsDiskFull; tries++)
                {
                    Assert.True(tries < 10);
                    engine.RunOnce();
                }
            }
            catch (StorageException)
            {
                // The workload's own files, or an ingest before it touched the engine.
            }
        }

        return engine.Stats.Failure?.Message;
    }

    private static void CheckIsOneOf(MemoryFileSystem files, State a, State b)
    {
        using (var scope = new LsmEngineScope(Workload.Small(files)))
        {
            State found = Workload.Read(scope.Engine);
            if (!found.SequenceEqual(a)) Assert.Equal(b, found);
            scope.Engine.Write(One("zz", "alive"));
            Workload.Wait(scope.Engine.CompactRangeAsync(), scope.Engine);
            found["zz"] = "alive";
            Assert.Equal(found, Workload.Read(scope.Engine));
        }

        using var again = new LsmEngineScope(Workload.Small(files));
        Assert.Equal("alive", Keys.Show(again.Engine.Get(Keys.Of("zz"))!.Value.Value.Span));
    }

    private static WriteBatch One(string key, string value)
    {
        var batch = new WriteBatch();
        batch.Put(Keys.Of(key), Keys.Of(value));
        return batch;
    }
}
