using Nori.IO;
using State = System.Collections.Generic.SortedDictionary<string, string>;

namespace Nori.Lsm.Tests;

/// <summary>
/// L3, D7, D10: the k-th call of a kind fails, for every k. Behind it either all that was acknowledged is there, or the engine
/// says that it stopped; and whoever opens the directory next finds what was acknowledged, with or without the one under way.
/// CrashTests sweeps over every call that changes something with EIO and ENOSPC; here are the other kinds.
/// </summary>
public sealed class FaultSweepTests
{
    private const int ReadOnly = 30; // EROFS: a file system that the kernel turned read-only.

    [Theory]
    [InlineData(FileOperation.Read, Errno.IO, 1)]
    [InlineData(FileOperation.Sync | FileOperation.SyncDirectory, Errno.IO, 1)]
    [InlineData(FileOperation.Mutations, ReadOnly, int.MaxValue)]
    public void A_call_that_fails_loses_nothing_acknowledged(FileOperation operation, int errno, int times)
    {
        bool reached = true;
        int stopped = 0, k = 0;
        for (; reached; k++)
        {
            var memory = new MemoryFileSystem(5);
            var files = new FaultInjectingFileSystem(memory);
            LsmOptions options = Workload.Small(files);
            var workload = new Workload(5, options);
            LsmEngine engine = LsmEngine.Open(options);
            FaultRule rule = files.Add(new FaultRule
            {
                Operation = operation, PathPattern = "/db*", Errno = errno, AfterCalls = k, Times = times,
                PartialBytes = k % 4 * 13,
            });
            string? failure = Run(workload, engine, 80);
            reached = rule.Matches > k;
            if (failure is not null) stopped++;
            try
            {
                files.ClearRules();
                // Reads go on, also of an engine that stopped.
                if (failure is null) Assert.Equal(workload.Acknowledged, Workload.Read(engine));
                else CheckIsOneOf(Workload.Read(engine), workload.Acknowledged, workload.UnderWay);
                MemoryFileSystem killed = memory.Crash(1, CrashMode.ProcessOnly), lost = memory.Crash((ulong)k);
                engine.Abandon();
                foreach (MemoryFileSystem after in (MemoryFileSystem[])[killed, lost])
                {
                    using var scope = new LsmEngineScope(Workload.Small(after));
                    CheckIsOneOf(Workload.Read(scope.Engine), workload.Acknowledged, workload.UnderWay);
                }
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{operation} {k} failed with {errno}; {failure ?? "it went on"}", e);
            }
        }

        Assert.True(k > 10, $"only {k} calls");
        bool isSync = (operation & FileOperation.Sync) != 0;
        // But for those of an ingest, which had nothing of the engine in hand yet.
        if (isSync && errno == Errno.IO) Assert.True(stopped > k * 9 / 10, $"{stopped} of {k} failed syncs stopped the engine");
    }

    [Theory]
    [InlineData(Errno.IO)]
    [InlineData(Errno.NoSpace)]
    public void A_call_that_fails_while_opening_leaves_a_directory_that_opens(int errno)
    {
        var memory = new MemoryFileSystem(11);
        LsmOptions options = Workload.Small(memory);
        var workload = new Workload(11, options);
        LsmEngine filled = LsmEngine.Open(options);
        for (int i = 0; i < 70; i++) workload.Step(filled);
        MemoryFileSystem down = memory.Crash(3);
        filled.Abandon();
        bool reached = true;
        int refused = 0;
        for (int k = 0; reached; k++)
        {
            MemoryFileSystem again = down.Clone();
            var files = new FaultInjectingFileSystem(again);
            FaultRule rule = files.Add(new FaultRule { Operation = FileOperation.All, Errno = errno, AfterCalls = k });
            try
            {
                LsmEngine.Open(Workload.Small(files)).Abandon();
            }
            catch (Exception e) when (e is IOException and not CorruptionException)
            {
                refused++;
            }

            reached = rule.Matches > k;
            foreach (CrashMode mode in (CrashMode[])[CrashMode.ProcessOnly, CrashMode.PowerLoss])
            {
                using var scope = new LsmEngineScope(Workload.Small(again.Crash((ulong)k, mode)));
                Assert.Equal(workload.Acknowledged, Workload.Read(scope.Engine));
            }
        }

        Assert.True(refused > 20, $"only {refused} calls refused the opening");
    }

    [Fact]
    public void A_block_that_cannot_be_read_is_an_error_and_never_other_data()
    {
        var memory = new MemoryFileSystem(12);
        var files = new FaultInjectingFileSystem(memory);
        LsmOptions options = Workload.Small(files);
        var workload = new Workload(12, options);
        using var scope = new LsmEngineScope(options);
        for (int i = 0; i < 100; i++) workload.Step(scope.Engine);
        bool reached = true;
        for (int k = 0; reached; k++)
        {
            FaultRule rule = files.Add(new FaultRule { Operation = FileOperation.Read, PathPattern = "*.sst", AfterCalls = k });
            try
            {
                Assert.Equal(workload.Acknowledged, Workload.Read(scope.Engine));
            }
            catch (StorageException e)
            {
                Assert.Equal(Errno.IO, e.Errno);
            }

            reached = rule.Matches > k;
            files.ClearRules();
        }

        Assert.Equal(workload.Acknowledged, Workload.Read(scope.Engine));
        Assert.Null(scope.Engine.Stats.Failure);
    }

    private static string? Run(Workload workload, LsmEngine engine, int steps)
    {
        for (int i = 0; i < steps; i++)
        {
            try
            {
                workload.Step(engine);
            }
            catch (LsmFailedException e)
            {
                var batch = new WriteBatch();
                batch.Put("x"u8, "y"u8);
                Assert.Throws<LsmFailedException>(() => engine.Write(batch));
                return e.Message;
            }
            catch (LsmDiskFullException)
            {
                for (int tries = 0; engine.Stats.IsDiskFull; tries++)
                {
                    Assert.True(tries < 10, "it does not end");
                    engine.RunOnce();
                }
            }
            catch (StorageException)
            {
                // An ingest before it touched the engine.
            }
        }

        return engine.Stats.Failure?.Message;
    }

    private static void CheckIsOneOf(State found, State a, State b)
    {
        if (!found.SequenceEqual(a)) Assert.Equal(b, found);
    }
}
