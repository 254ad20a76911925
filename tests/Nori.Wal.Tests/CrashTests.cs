using Nori.Core;
using Nori.IO;

namespace Nori.Wal.Tests;

/// <summary>
/// A random workload against a model, stopped before every single file-system call: whatever the crash keeps of
/// what was
/// not synced, everything that was acknowledged is there, in order, and nothing is torn or foreign.
/// </summary>
public class CrashTests
{
    private sealed class Workload(IFileSystem files, ulong seed, int steps)
    {
        public List<(WalPosition Position, byte[][] Payloads)> Batches { get; } = [];

        public int Synced { get; private set; }

        /// <summary>The lowest segment that a deletion may have removed is below this.</summary>
        public ulong FirstSegment { get; private set; } = 1;

        public void Run()
        {
            var prng = new Prng(seed);
            WalOptions options = Support.Options(files, 16 << 10) with
            {
                Seed = seed,
                RecycledSegmentsMax = prng.NextInt(3),
                ZeroAheadBytesMax = prng.Chance(0.5) ? 32 << 10 : 0,
            };
            WalLog log = WalLog.Open(options, out _);
            for (int i = 0; i < steps; i++)
            {
                if (prng.Chance(0.04))
                {
                    if (prng.Chance(0.5)) log.Close();
                    else log.Dispose();
                    log = WalLog.Open(options, out _);
                    Synced = Batches.Count;
                }

                Step(log, prng);
            }
        }

        private void Step(WalLog log, Prng prng)
        {
            byte[][] payloads = new byte[prng.NextInt(1, 4)][];
            using var batch = new WalBatch();
            for (int i = 0; i < payloads.Length; i++)
            {
                payloads[i] = Support.Payload(prng, prng.Chance(0.1) ? 3000 : 200);
                batch.Add((byte)i, payloads[i]);
            }

            // Before the call: the batch may or may not be there when the crash comes inside it.
            Batches.Add((default, payloads));
            WalPosition at = log.Append(batch);
            Batches[^1] = (at, payloads);
            if (prng.Chance(0.4))
            {
                log.Sync();
                Synced = Batches.Count;
                if (prng.Chance(0.3)) log.WriteDurableMark();
            }

            if (log.Segments.Count > 3)
            {
                FirstSegment = log.Segments[2].Number;
                log.DeleteSegmentsBefore(new WalPosition(FirstSegment, 0));
            }
        }
    }

    private static void CheckAfter(MemoryFileSystem crashed, Workload workload, string replayHint)
    {
        WalOptions options = Support.Options(crashed, 16 << 10) with { Seed = 99 };
        var replay = new Replay();
        WalLog log;
        try
        {
            log = WalLog.Open(options, out _, replay);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{replayHint}: opening failed", e);
        }

        List<byte[]> found = replay.Records.ConvertAll(record => record.Payload);
        Check(found, workload, replayHint);
        Assert.Equal(found, Support.ReadAll(log).ConvertAll(record => record.Payload));

        // It goes on: append, lose power, and the same records and the new one are there.
        Support.Append(log, "after the crash");
        log.Sync();
        using WalLog again = WalLog.Open(
            Support.Options(crashed.Crash(5, CrashMode.DropUnsynced), 16 << 10), out RecoveryReport report);
        List<byte[]> later = Support.ReadAll(again).ConvertAll(record => record.Payload);
        Assert.True(later.Count == found.Count + 1, $"{replayHint}: {found.Count} records, after one more {later.Count}");
        Assert.Equal(found, later[..^1]);
        log.Dispose();
    }

    private static void Check(List<byte[]> found, Workload workload, string hint)
    {
        // What is there must be batches first..last, contiguous, with last at least the last synced one.
        List<(WalPosition Position, byte[][] Payloads)> all = workload.Batches;
        int first = 0;
        int mustBegin = all.FindIndex(entry => entry.Position == default || entry.Position.Segment >= workload.FirstSegment);
        if (mustBegin < 0) mustBegin = all.Count;
        for (; first <= mustBegin; first++)
        {
            int count = 0, last = first;
            while (last < all.Count && count < found.Count) count += all[last++].Payloads.Length;
            if (count != found.Count || last < workload.Synced) continue;
            if (all[first..last].SelectMany(entry => entry.Payloads).SequenceEqual(found, ByteArrays.Instance)) return;
        }

        Assert.Fail($"{hint}: {found.Count} records are no run of the {all.Count} batches up to {workload.Synced} or later");
    }

    private sealed class ByteArrays : IEqualityComparer<byte[]>
    {
        public static ByteArrays Instance { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => obj.Length;
    }

    private sealed class StopException : Exception;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_crash_before_any_call_loses_nothing_that_was_synced(ulong seed) => StopBeforeEveryCall(seed);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void A_crash_before_any_call_loses_nothing_under_more_seeds(ulong seed) => StopBeforeEveryCall(seed);

    [Fact]
    public void A_power_loss_with_any_subset_of_the_unsynced_writes_loses_nothing_that_was_synced() => LosePower(100, 160);

    [Fact]
    [Trait("Category", "Slow")]
    public void A_power_loss_loses_nothing_under_more_seeds() => LosePower(160, 400);

    private static void StopBeforeEveryCall(ulong seed)
    {
        const int steps = 45;
        for (long call = 0; ; call++)
        {
            var memory = new MemoryFileSystem(seed);
            var files = new FaultInjectingFileSystem(memory);
            files.Add(new FaultRule
            {
                AfterCalls = call,
                Errno = 0,
                Action = _ => throw new StopException(),
            });
            var workload = new Workload(files, seed, steps);
            bool stopped = false;
            try
            {
                workload.Run();
            }
            catch (Exception e) when (e is StopException or { InnerException: StopException })
            {
                stopped = true;
            }

            foreach (CrashMode mode in Enum.GetValues<CrashMode>())
            {
                string hint = $"seed {seed}, stop before mutation {call}, {mode}";
                CheckAfter(memory.Crash(seed + (ulong)call, mode), workload, hint);
            }

            if (!stopped) break;
        }
    }

    private static void LosePower(ulong firstSeed, ulong endSeed)
    {
        for (ulong seed = firstSeed; seed < endSeed; seed++)
        {
            var memory = new MemoryFileSystem(seed);
            var workload = new Workload(memory, seed, 20 + (int)(seed % 60));
            workload.Run();
            for (ulong crash = 0; crash < 4; crash++)
            {
                CrashMode mode = crash % 2 == 0 ? CrashMode.PowerLoss : CrashMode.PowerLossGarbage;
                CheckAfter(memory.Crash(crash, mode), workload, $"seed {seed}, crash {crash}, {mode}");
            }
        }
    }

    [Theory]
    [InlineData(FileOperation.Write, Errno.IO)]
    [InlineData(FileOperation.Write, Errno.NoSpace)]
    [InlineData(FileOperation.Sync, Errno.IO)]
    [InlineData(FileOperation.SyncDirectory, Errno.IO)]
    [InlineData(FileOperation.Rename, Errno.IO)]
    [InlineData(FileOperation.Create, Errno.IO)]
    [InlineData(FileOperation.Create, Errno.NoSpace)]
    [InlineData(FileOperation.Delete, Errno.IO)]
    [InlineData(FileOperation.Open, Errno.IO)]
    public void A_fault_at_any_call_fails_the_log_cleanly_and_loses_nothing_that_was_synced(FileOperation operation, int errno)
    {
        for (long call = 0; call < 60; call++)
        {
            const ulong seed = 21;
            var memory = new MemoryFileSystem(seed);
            var files = new FaultInjectingFileSystem(memory);
            FaultRule rule = files.Add(new FaultRule
            {
                Operation = operation,
                AfterCalls = call,
                Errno = errno,
                PartialBytes = operation == FileOperation.Write ? 60 : 0,
            });
            var workload = new Workload(files, seed, 60);
            try
            {
                workload.Run();
            }
            catch (IOException e) when (e is StorageException or WalFailedException)
            {
                // The expected ends: a refused opening or append, or a failed log.
            }

            string hint = $"{operation} fails with errno {errno} at call {call}";
            CheckAfter(memory.Crash(seed + (ulong)call), workload, hint);
            CheckAfter(memory.Crash(seed, CrashMode.ProcessOnly), workload, hint);
            if (rule.Matches <= call) break;
        }
    }
}
