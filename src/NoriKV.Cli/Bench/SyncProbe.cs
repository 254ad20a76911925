using Nori.IO;

namespace NoriKV.Cli.Bench;

/// <summary>
/// What the disk itself can do: 4 KiB written and synced, one after the other, in a file of the given directory. A
/// durable write cannot be faster than this; many can share one.
/// </summary>
internal static class SyncProbe
{
    private const int BlockBytes = 4096;
    private const int Blocks = 256;

    /// <summary>Measures for about this long, in nanoseconds for each sync.</summary>
    public static LatencyHistogram Measure(IFileSystem files, string directory, TimeSpan duration, TimeProvider time)
    {
        string path = Path.Combine(Path.GetFullPath(directory), $".norikv-sync-{Guid.NewGuid():N}");
        var histogram = new LatencyHistogram();
        try
        {
            using IFile file = files.Open(path, FileOpen.CreateNew);
            // Written over within its length: only then does a sync cost no metadata, as in the log's segments.
            byte[] block = new byte[BlockBytes];
            for (int i = 0; i < Blocks; i++) file.Write((long)i * BlockBytes, block);
            file.Sync();
            long begun = time.GetTimestamp();
            for (long i = 0; time.GetElapsedTime(begun) < duration; i++)
            {
                block[0] = (byte)i;
                long before = time.GetTimestamp();
                file.Write(i % Blocks * BlockBytes, block);
                file.Sync();
                histogram.Record((long)(time.GetElapsedTime(before).TotalMicroseconds * 1000));
            }
        }
        finally
        {
            if (files.FileExists(path)) files.Delete(path);
        }

        return histogram;
    }
}
