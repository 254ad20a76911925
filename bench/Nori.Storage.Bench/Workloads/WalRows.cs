using System.Diagnostics;
using Nori.Core;
using Nori.IO;
using Nori.Storage.Bench.Reporting;
using Nori.Wal;

namespace Nori.Storage.Bench.Workloads;

/// <summary>
/// The log alone beside the disk: appends of 1 KiB in batches, each synced, beside writes of the same size, and recovery
/// beside reading the same files and one checksum over them.
/// </summary>
internal static class WalRows
{
    private const string Appends = "WAL, 1 KiB appends, batched fsync / disk";
    private const string Recovery = "WAL, recovery / read and CRC";
    private const int RecordBytes = 1024;
    private const int BatchRecords = 1024;

    public static void Run(Bench bench)
    {
        string root = Path.Combine(bench.Options.Directory, "wal");
        if (bench.Wants(Appends)) MeasureAppends(bench, Path.Combine(root, "appends"));
        if (bench.Wants(Recovery)) MeasureRecovery(bench, Path.Combine(root, "recovery"));
        if (Directory.Exists(root)) Directory.Delete(root, recursive: true);
    }

    /// <summary>By turns with the disk's own writes, so that whatever else the disk is doing hits both.</summary>
    private static void MeasureAppends(Bench bench, string directory)
    {
        Directory.CreateDirectory(directory);
        using WalLog log = WalLog.Open(new WalOptions { Directory = Path.Combine(directory, "log"), SegmentBytes = 64 << 20 }, out _);
        using IFile file = DiskFileSystem.Instance.Open(Path.Combine(directory, "plain"), FileOpen.OpenOrCreate);
        using var batch = new WalBatch();
        byte[] block = new byte[BatchRecords * RecordBytes];
        new Prng(2).Fill(block);
        for (int i = 0; i < 128; i++) file.Write((long)i * block.Length, block);
        file.Sync();
        var ours = new List<double>();
        var disk = new List<double>();
        // The first round fills the segments that later ones recycle: not counted.
        for (int round = 0; round <= bench.Options.Repetitions; round++)
        {
            (double inLog, double inFile) = Turns(log, file, batch, block, bench.Options.ReadTime);
            if (round == 0) continue;
            ours.Add(inLog);
            disk.Add(inFile);
        }

        log.Close();
        bench.Report.Add(new Row
        {
            Workload = Appends,
            Unit = "B/s",
            OursRuns = ours,
            PeerRuns = disk,
            Goal = Goal.AtLeast(0.8),
            Note = "the peer is the disk: 1 MiB written over a file, then fdatasync, by turns with 1,024 records and theirs",
        });
    }

    private static (double Log, double File) Turns(WalLog log, IFile file, WalBatch batch, byte[] block, TimeSpan time)
    {
        long inLog = 0, inFile = 0, count = 0;
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < time; count++)
        {
            long t0 = Stopwatch.GetTimestamp();
            batch.Clear();
            for (int i = 0; i < BatchRecords; i++) batch.Add(0, block.AsSpan(i * RecordBytes, RecordBytes));
            log.Append(batch);
            log.Sync();
            log.DeleteSegmentsBefore(log.End);
            long t1 = Stopwatch.GetTimestamp();
            file.Write(count % 128 * block.Length, block);
            file.Sync();
            inFile += Stopwatch.GetTimestamp() - t1;
            inLog += t1 - t0;
        }

        double bytes = (double)count * block.Length * Stopwatch.Frequency;
        return (bytes / inLog, bytes / inFile);
    }

    private static void MeasureRecovery(Bench bench, string directory)
    {
        Directory.CreateDirectory(directory);
        var options = new WalOptions { Directory = directory, Sync = SyncPolicy.Os };
        using (WalLog log = WalLog.Open(options, out _))
        {
            using var batch = new WalBatch();
            byte[] payload = new byte[RecordBytes];
            new Prng(3).Fill(payload);
            for (int i = 0; i < 64; i++) batch.Add(0, payload);
            for (int i = 0; i < (bench.Options.Quick ? 1500 : 6000); i++) log.Append(batch);
            log.Close();
        }

        var ours = new List<double>();
        var check = new List<double>();
        for (int i = 0; i < 3; i++)
        {
            using WalLog log = WalLog.Open(options, out RecoveryReport report);
            ours.Add(report.Bytes / report.Elapsed.TotalSeconds);
            check.Add(ReadAndCheck(directory));
        }

        bench.Report.Add(new Row
        {
            Workload = Recovery,
            Unit = "B/s",
            OursRuns = ours,
            PeerRuns = check,
            Goal = Goal.AtLeast(0.5),
            Note = "the peer is reading the same files from the page cache with one CRC-32C over all",
        });
    }

    private static double ReadAndCheck(string directory)
    {
        byte[] buffer = new byte[1 << 20];
        long bytes = 0;
        uint crc = 0;
        long started = Stopwatch.GetTimestamp();
        foreach (string path in Directory.GetFiles(directory, "*.wal"))
        {
            using IFile file = DiskFileSystem.Instance.Open(path, FileOpen.Read);
            long offset = 0;
            for (int read; (read = file.Read(offset, buffer)) > 0; offset += read)
                crc = Crc32C.Append(crc, buffer.AsSpan(0, read));
            bytes += offset;
        }

        GC.KeepAlive(crc);
        return bytes / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
