using System.Diagnostics;
using Nori.Core;
using Nori.IO;
using Nori.Wal;

// Self-timed: appends with and without sync beside what the disk itself can do (recovery is a row of bench/run storage).
// Usage: Nori.Wal.Bench [directory] [seconds per row]
string root = args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), "nori-wal-bench");
double seconds = args.Length > 1 ? double.Parse(args[1]) : 3;
Directory.CreateDirectory(root);
Console.WriteLine($"directory {root}, {Environment.ProcessorCount} processors, {seconds} s per row");

double disk = DiskBandwidth(Path.Combine(root, "disk"), seconds);
Console.WriteLine($"disk: 1 MiB writes over an existing file, each with fdatasync    {disk / 1e6,8:F0} MB/s");
double syncs = DiskSyncs(Path.Combine(root, "sync"), seconds);
Console.WriteLine($"disk: 4 KiB writes over an existing file, each with fdatasync    {syncs,8:F0} /s");

byte[] payload = new byte[1024];
new Prng(1).Fill(payload);
foreach ((SyncPolicy policy, int callers, string what) in new[]
{
    (SyncPolicy.Batch, 1, "1 caller"),
    (SyncPolicy.Batch, 16, "16 callers"),
    (SyncPolicy.Batch, 4096, "4096 callers"),
    (SyncPolicy.Os, 1, "1 caller"),
})
{
    (double perSecond, long bytes) = await AppendsAsync(policy, callers);
    double share = perSecond * payload.Length / disk * 100;
    Console.WriteLine(
        $"append 1 KiB, {policy,-5} {what,-14} {perSecond,10:F0} /s {perSecond * payload.Length / 1e6,8:F0} MB/s "
        + (policy == SyncPolicy.Os ? "" : $"{share,5:F0} % of the disk ") + $"({bytes >> 20} MiB)");
}

(double core, double raw) = CoreBatches(1024);
Console.WriteLine(
    $"WalLog, 1,024 records of 1 KiB, then sync {core / 1e6,8:F0} MB/s; "
    + $"1 MiB and fdatasync, by turns {raw / 1e6:F0} MB/s: {core / raw * 100:F0} %");
Directory.Delete(root, recursive: true);
return;

async Task<(double PerSecond, long Bytes)> AppendsAsync(SyncPolicy policy, int callers)
{
    string directory = Path.Combine(root, "wal");
    if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
    (Wal wal, _) = await Wal.OpenAsync(new WalOptions { Directory = directory, Sync = policy, SegmentBytes = 64 << 20 });

    // Two rounds: the second overwrites recycled segments, which is the steady state.
    (double PerSecond, long Bytes) result = default;
    for (int round = 0; round < 2; round++)
    {
        long deadline = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        long started = Stopwatch.GetTimestamp();
        long[] counts = new long[callers];
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            while (Stopwatch.GetTimestamp() < deadline)
            {
                WalPosition at = await wal.AppendAsync(payload);
                counts[caller]++;
                if (caller == 0 && counts[0] % 64 == 0 && at.Segment > 3)
                {
                    await wal.DeleteSegmentsBefore(at with { Segment = at.Segment - 1 });
                }
            }
        })));
        long total = counts.Sum();
        result = (total / Stopwatch.GetElapsedTime(started).TotalSeconds, total * payload.Length);
    }

    await wal.DisposeAsync();
    return result;
}

// By turns with the disk's own writes, so that whatever else the disk is doing hits both.
(double Log, double Raw) CoreBatches(int records)
{
    string directory = Path.Combine(root, "core");
    using WalLog log = WalLog.Open(new WalOptions { Directory = directory, SegmentBytes = 64 << 20 }, out _);
    using IFile file = DiskFileSystem.Instance.Open(Path.Combine(root, "disk"), FileOpen.ReadWrite);
    using var batch = new WalBatch();
    byte[] block = new byte[records * payload.Length];
    new Prng(2).Fill(block);
    long inLog = 0, inFile = 0, count = 0;
    for (int round = 0; round < 2; round++)
    {
        (inLog, inFile, count) = (0, 0, 0);
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalSeconds < seconds * 2; count++)
        {
            long t0 = Stopwatch.GetTimestamp();
            batch.Clear();
            for (int i = 0; i < records; i++) batch.Add(0, payload);
            log.Append(batch);
            log.Sync();
            log.DeleteSegmentsBefore(log.End);
            long t1 = Stopwatch.GetTimestamp();
            file.Write((count % 128) * block.Length, block);
            file.Sync();
            inFile += Stopwatch.GetTimestamp() - t1;
            inLog += t1 - t0;
        }
    }

    log.Close();
    double bytes = (double)count * block.Length * Stopwatch.Frequency;
    return (bytes / inLog, bytes / inFile);
}

static double DiskBandwidth(string path, double seconds)
{
    byte[] block = new byte[1 << 20];
    new Prng(2).Fill(block);
    using IFile file = DiskFileSystem.Instance.Open(path, FileOpen.OpenOrCreate);
    for (int i = 0; i < 128; i++) file.Write((long)i << 20, block);
    file.Sync();
    long started = Stopwatch.GetTimestamp(), count = 0;
    for (; Stopwatch.GetElapsedTime(started).TotalSeconds < seconds; count++)
    {
        file.Write((count % 128) << 20, block);
        file.Sync();
    }

    return (count << 20) / Stopwatch.GetElapsedTime(started).TotalSeconds;
}

static double DiskSyncs(string path, double seconds)
{
    byte[] block = new byte[4096];
    using IFile file = DiskFileSystem.Instance.Open(path, FileOpen.OpenOrCreate);
    file.ZeroFill(0, 64 << 20);
    file.Sync();
    long started = Stopwatch.GetTimestamp(), count = 0;
    for (; Stopwatch.GetElapsedTime(started).TotalSeconds < seconds; count++)
    {
        file.Write(count % 16384 * 4096, block);
        file.Sync();
    }

    return count / Stopwatch.GetElapsedTime(started).TotalSeconds;
}
