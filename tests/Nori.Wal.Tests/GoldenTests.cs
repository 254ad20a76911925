using System.Text;
using Nori.Compression;
using Nori.IO;
using NoriKV.Golden;

namespace Nori.Wal.Tests;

/// <summary>
/// Logs that each released format version wrote are opened and read, record by record. A new format version adds a
/// folder: run with UPDATE_GOLDEN=1.
/// </summary>
public sealed class GoldenTests
{
    private static readonly string Version = $"v{WalFormat.Version}";
    private static readonly GoldenData Golden = new("Nori.Wal.Tests");

    public static IEnumerable<TheoryDataRow<string>> Kept() => Golden.Names.Select(n => new TheoryDataRow<string>(n));

    [Theory]
    [MemberData(nameof(Kept))]
    public void A_log_of_every_released_format_is_read_whole(string name)
    {
        SkipWithoutCodecs(name);
        bool isClosed = name.EndsWith("closed", StringComparison.Ordinal);
        Check(Golden.Load(name, Support.Directory), Golden.Expected(name), isClosed);
    }

    [Theory]
    [InlineData("closed")]
    [InlineData("crashed")]
    [InlineData("system-codecs-closed")]
    [InlineData("repair-closed")]
    [InlineData("repair-crashed")]
    public void What_is_written_today_is_read_the_same_way(string name)
    {
        SkipWithoutCodecs(name);
        (MemoryFileSystem files, List<string> expected) = Write(name);
        Golden.KeepNew($"{Version}/{name}", files, Support.Directory, expected);
        bool isClosed = name.EndsWith("closed", StringComparison.Ordinal);
        Check(files.Clone(), expected.Select(line => line.Split('\t')), isClosed);
    }

    [Fact]
    public void What_the_present_format_wrote_is_kept() =>
        Assert.Contains(Golden.Names, static name => name.StartsWith(Version + "/", StringComparison.Ordinal));

    private static void Check(MemoryFileSystem files, IEnumerable<string[]> expected, bool isClosed)
    {
        string[] lines = [.. expected.Select(fields => string.Join('\t', fields))];
        Assert.False(WalInspector.Inspect(files, Support.Directory).IsCorrupt);
        for (int round = 0; round < 2; round++)
        {
            var replay = new Replay();
            using WalLog log = WalLog.Open(Options(files), out RecoveryReport report, replay);
            Assert.Equal(isClosed || round > 0, report.CleanShutdown);
            Assert.Equal(0, report.TornTailBytes);
            Assert.Equal(lines, replay.Records.Take(lines.Length).Select(Line));
            Assert.Equal(lines, Support.ReadAll(log).Take(lines.Length).Select(Line));
            Assert.Equal(lines.Length + round, report.Records);

            // It goes on: what is appended now lies behind all that was there.
            WalPosition last = replay.Records[^1].Position;
            Assert.True(Support.Append(log, $"round {round}") > last);
            log.Sync();
            log.Close();
        }
    }

    private static (MemoryFileSystem Files, List<string> Expected) Write(string name)
    {
        var files = new MemoryFileSystem(1);
        var expected = new List<string>();
        CompressionType[] codecs = name.StartsWith("system", StringComparison.Ordinal)
            ? [CompressionType.Lz4, CompressionType.Zstd]
            : [CompressionType.None, CompressionType.Snappy];
        bool repairs = name.StartsWith("repair", StringComparison.Ordinal);
        WalPosition middle = default;
        foreach (CompressionType codec in codecs)
        {
            using WalLog log = WalLog.Open(Options(files) with { Compression = codec, RepairBlocks = repairs }, out _);
            for (int i = 0; i < 60; i++)
            {
                using var batch = new WalBatch(codec, 64);
                for (int record = 0; record <= i % 3; record++) batch.Add((byte)(i % 7), Payload(codec, i, record));
                middle = log.Append(batch);
                if (i % 4 == 0) log.Sync();
            }

            log.Sync();

            // Files that were deleted are recycled: the second half is written over the first one's bytes.
            if (codec == codecs[0]) log.DeleteSegmentsBefore(middle);
            if (codec == codecs[0] || name.EndsWith("closed", StringComparison.Ordinal)) log.Close();
            else files = files.Crash(5, CrashMode.DropUnsynced);
        }

        using (WalLog log = WalLog.Open(Options(files.Clone()), out _)) expected.AddRange(Support.ReadAll(log).Select(Line));
        Assert.True(expected.Count > 60);
        return (files, expected);
    }

    private static byte[] Payload(CompressionType codec, int i, int record) => Encoding.UTF8.GetBytes(
        $"{codec} {i}.{record} {string.Concat(Enumerable.Repeat("again ", i))}");

    private static string Line((WalPosition Position, byte Type, byte[] Payload) record) =>
        $"{record.Position}\t{record.Type}\t{Encoding.UTF8.GetString(record.Payload)}";

    private static WalOptions Options(IFileSystem files) =>
        Support.Options(files, segmentBytes: 16 << 10) with { ZeroAheadBytesMax = 0 };

    private static void SkipWithoutCodecs(string name)
    {
        if (!name.Contains("system", StringComparison.Ordinal)) return;
        if (!BlockCodecs.IsAvailable(CompressionType.Lz4) || !BlockCodecs.IsAvailable(CompressionType.Zstd))
            Assert.Skip("liblz4.so.1 and libzstd.so.1 are missing: apt-get install -y liblz4-1 libzstd1");
    }
}
