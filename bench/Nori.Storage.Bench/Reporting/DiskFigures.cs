using System.Diagnostics;
using Nori.IO;

namespace Nori.Storage.Bench.Reporting;

/// <summary>The disk's own speed, measured by the run that reports it.</summary>
/// <param name="SyncsPerSecond">4 KiB appended, then fdatasync, one after the other.</param>
/// <param name="BytesPerSecond">1 MiB writes one after the other, and one sync at the end.</param>
internal readonly record struct DiskFigures(double SyncsPerSecond, double BytesPerSecond)
{
    public static DiskFigures Measure(string directory, bool quick)
    {
        Directory.CreateDirectory(directory);
        string path = Path.Combine(directory, "disk-probe");
        try
        {
            return new DiskFigures(Syncs(path, TimeSpan.FromSeconds(quick ? 1 : 3)), Bandwidth(path, quick ? 128 : 1024));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static double Syncs(string path, TimeSpan time)
    {
        byte[] page = new byte[4096];
        Random.Shared.NextBytes(page);
        using IFile file = DiskFileSystem.Instance.Open(path, FileOpen.OpenOrCreate);
        long started = Stopwatch.GetTimestamp();
        long syncs = 0;
        for (; Stopwatch.GetElapsedTime(started) < time; syncs++)
        {
            file.Write(syncs * page.Length, page);
            file.Sync();
        }

        return syncs / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static double Bandwidth(string path, int megabytes)
    {
        byte[] chunk = new byte[1 << 20];
        Random.Shared.NextBytes(chunk);
        File.Delete(path);
        using IFile file = DiskFileSystem.Instance.Open(path, FileOpen.OpenOrCreate);
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < megabytes; i++) file.Write((long)i * chunk.Length, chunk);
        file.Sync();
        return (double)megabytes * chunk.Length / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
