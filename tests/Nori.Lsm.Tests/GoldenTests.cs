using Nori.Compression;
using Nori.Core;
using Nori.IO;
using NoriKV.Golden;

namespace Nori.Lsm.Tests;

/// <summary>
/// Directories that each released format version wrote are opened, and every key, value, sequence number, expiry and
/// absence is compared. A new format version adds a folder: raise <see cref="Version"/> and run with UPDATE_GOLDEN=1.
/// </summary>
public sealed class GoldenTests
{
    private const string Version = "v2";
    private const string Folder = "/lsm";
    private const int KeyCount = 300;
    private const long WrittenAt = 1_000_000;
    private const long HalfExpired = WrittenAt + 5_000_000;
    private static readonly GoldenData Golden = new("Nori.Lsm.Tests");

    public static IEnumerable<TheoryDataRow<string>> Kept() => Golden.Names.Select(n => new TheoryDataRow<string>(n));

    [Theory]
    [MemberData(nameof(Kept))]
    public void A_directory_of_every_released_format_is_read_whole(string name)
    {
        CompressionType compression = CompressionOf(name);
        Check(Golden.Load(name, Folder), compression, [.. Golden.Expected(name)]);
    }

    [Theory]
    [InlineData("none-closed")]
    [InlineData("snappy-closed")]
    [InlineData("snappy-crashed")]
    [InlineData("lz4-closed")]
    [InlineData("zstd-closed")]
    public void What_is_written_today_is_read_the_same_way(string name)
    {
        CompressionType compression = CompressionOf(name);
        var files = new MemoryFileSystem(1);
        List<string[]> expected = Write(files, compression);
        if (name.EndsWith("crashed", StringComparison.Ordinal)) files = files.Crash(3, CrashMode.DropUnsynced);
        Golden.KeepNew($"{Version}/{name}", files, Folder, expected.Select(fields => string.Join('\t', fields)));
        Check(files, compression, expected);
    }

    private static void Check(MemoryFileSystem files, CompressionType compression, List<string[]> expected)
    {
        Assert.True(LsmInspector.Inspect(files, Folder, verify: true).IsSound);
        for (int round = 0; round < 3; round++)
        {
            using var scope = new LsmEngineScope(Options(files, compression));
            LsmEngine engine = scope.Engine;
            Assert.False(engine.OpenReport.Created);
            Compare(engine, expected, isCompacted: round > 0);

            // It goes on: written, flushed and compacted over, the old data stays as it was.
            var batch = new WriteBatch();
            batch.Put("~new"u8, "x"u8);
            engine.Write(batch);
            engine.RequestFlush("test");
            Task compacted = round == 1 ? engine.CompactRangeAsync(default, default) : Task.CompletedTask;
            while (engine.RunOnce() || !compacted.IsCompleted) continue;
            Compare(engine, expected, isCompacted: true);
        }
    }

    private static void Compare(LsmEngine engine, List<string[]> expected, bool isCompacted)
    {
        ScanRange old = ScanRange.Prefix("k"u8.ToArray());
        LsmReadOptions then = new() { NowUnixMs = WrittenAt }, later = new() { NowUnixMs = HalfExpired };
        string[] all = [.. expected.Select(Fields)];
        string[] living = [.. expected.Where(fields => fields[3] == "0" || long.Parse(fields[3]) > HalfExpired).Select(Fields)];
        Assert.Equal(all, engine.Scan(old, then).Select(Found));
        Assert.Equal(living, engine.Scan(old, later).Select(Found));
        Assert.Equal(all.Reverse(), engine.Scan(old with { Reverse = true }, then).Select(Found));
        Dictionary<string, string> byKey = all.ToDictionary(line => line.Split('\t')[0]);
        for (int i = 0; i < KeyCount; i++)
        {
            byte[] key = Keys.Number(i);
            string? found = engine.Get(key, then) is { } value
                ? Found(new LsmEntry(key, value.Value, value.Sequence, value.ExpiryUnixMs)) : null;
            Assert.Equal(byKey.GetValueOrDefault(Keys.Show(key)), found);
        }

        // A compaction to the bottom forgets sequence numbers (docs/decisions/0142); all else stays.
        string Fields(string[] fields) =>
            string.Join('\t', isCompacted ? [fields[0], fields[1], "0", fields[3]] : fields);

        string Found(LsmEntry entry) => Line(isCompacted ? entry with { Sequence = 0 } : entry);
    }

    private static List<string[]> Write(MemoryFileSystem files, CompressionType compression)
    {
        var random = new Prng(20261122);
        var model = new SortedDictionary<int, (string Value, long Expiry)>();
        using var scope = new LsmEngineScope(Options(files, compression));
        LsmEngine engine = scope.Engine;
        for (int i = 0; i < 400; i++)
        {
            var batch = new WriteBatch();
            for (int operation = random.NextInt(1, 4); operation > 0; operation--) Change(batch, model, random, i);
            engine.Write(batch);
            if (i % 100 == 60) engine.RequestFlush("test");
            while (engine.RunOnce()) continue;
        }

        // All three places hold something: the log, level 0, and below.
        Assert.True(engine.Stats.MemtableBytes > 0);
        Assert.True(engine.Stats.Levels[0].Tables > 0);
        Assert.Contains(engine.Stats.Levels.Skip(1), level => level.Tables > 0);
        return [.. model.Select(pair => new[]
        {
            Keys.Show(Keys.Number(pair.Key)), pair.Value.Value,
            $"{engine.Get(Keys.Number(pair.Key))!.Value.Sequence}", $"{pair.Value.Expiry}",
        })];
    }

    private static void Change(
        WriteBatch batch, SortedDictionary<int, (string Value, long Expiry)> model, Prng random, int round)
    {
        int key = random.NextInt(KeyCount);
        switch (random.NextInt(10))
        {
            case 0:
                batch.Delete(Keys.Number(key));
                model.Remove(key);
                break;
            case 1:
                int end = Math.Min(KeyCount, key + random.NextInt(1, 20));
                batch.DeleteRange(Keys.Number(key), Keys.Number(end));
                for (int i = key; i < end; i++) model.Remove(i);
                break;
            case 2 or 3:
                long expiry = WrittenAt + random.NextInt(1, 10_000_000);
                Put(expiry);
                break;
            default:
                Put(0);
                break;
        }

        void Put(long expiry)
        {
            string value = $"value {round} of {key} {new string('v', random.NextInt(60))}";
            batch.Put(Keys.Number(key), Keys.Of(value), expiry);
            model[key] = (value, expiry);
        }
    }

    private static string Line(LsmEntry entry) =>
        $"{Keys.Show(entry.Key.Span)}\t{Keys.Show(entry.Value.Span)}\t{entry.Sequence}\t{entry.ExpiryUnixMs}";

    private static LsmOptions Options(IFileSystem files, CompressionType compression) => new()
    {
        Directory = Folder,
        FileSystem = files,
        Compression = compression,
        RunBackground = false,
        Time = new ManualTime { UnixMs = WrittenAt },
        Seed = 7,
        MemtableBytes = 8 << 10,
        BaseLevelBytes = 16 << 10,
        TargetFileBytes = 8 << 10,
        BlockBytes = 512,
        BlockCacheBytes = 1 << 20,
        WalSegmentBytes = 16 << 10,
    };

    private static CompressionType CompressionOf(string name)
    {
        CompressionType compression = Enum.Parse<CompressionType>(name.Split('/')[^1].Split('-')[0], ignoreCase: true);
        if (!BlockCodecs.IsAvailable(compression))
            Assert.Skip($"the system's library for {compression} is missing: apt-get install -y liblz4-1 libzstd1");
        return compression;
    }
}
