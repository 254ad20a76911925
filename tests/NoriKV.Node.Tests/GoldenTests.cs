using System.Buffers.Binary;
using System.Text;
using Nori.Compression;
using Nori.IO;
using NoriKV.Golden;
using NoriKV.Types;

namespace NoriKV.Node.Tests;

/// <summary>
/// Whole data directories that each released version wrote are opened: every pair with its version, every absence,
/// every expiry, and the outcome of every idempotency key. A new format version of any part adds a folder: raise
/// <see cref="Version"/> and run with UPDATE_GOLDEN=1.
/// </summary>
public sealed class GoldenTests
{
    private const string Version = "v2";
    private const long WrittenAt = 1_800_000_000_000;
    private static readonly TimeSpan Ttl = TimeSpan.FromMinutes(5);
    private static readonly GoldenData Golden = new("NoriKV.Node.Tests");

    public static IEnumerable<TheoryDataRow<string>> Kept() => Golden.Names.Select(n => new TheoryDataRow<string>(n));

    [Theory]
    [MemberData(nameof(Kept))]
    public void A_data_directory_of_every_released_format_is_served_whole(string name) =>
        Check(Golden.Load(name, SteppedNode.Data), [.. Golden.Expected(name)]);

    [Theory]
    [InlineData("none-stopped")]
    [InlineData("snappy-stopped")]
    [InlineData("snappy-crashed")]
    public void What_is_written_today_is_served_the_same_way(string name)
    {
        CompressionType compression = Enum.Parse<CompressionType>(name.Split('-')[0], ignoreCase: true);
        var files = new MemoryFileSystem(1);
        var time = new ManualTime(WrittenAt);
        SteppedNode node = SteppedNode.Start(files, time, o => Configure(o, compression));
        List<string[]> expected = Write(node);
        if (name.EndsWith("crashed", StringComparison.Ordinal)) files = files.Crash(3, CrashMode.DropUnsynced);
        node.Stop();
        Golden.KeepNew($"{Version}/{name}", files, SteppedNode.Data, expected.Select(fields => string.Join('\t', fields)));
        Check(files, expected);
    }

    [Fact]
    public void What_todays_log_format_wrote_is_kept()
    {
        var files = new MemoryFileSystem(1);
        SteppedNode.Start(files).Stop();
        uint today = Assert.Single(LogFormats(files));
        Assert.Contains(Golden.Names, name => LogFormats(Golden.Load(name, SteppedNode.Data)).Contains(today));
    }

    /// <summary>The format versions in the headers of the log's segments.</summary>
    private static IEnumerable<uint> LogFormats(MemoryFileSystem files)
    {
        const string log = SteppedNode.Data + "/log";
        return files.List(log).Where(name => name.EndsWith(".wal", StringComparison.Ordinal))
            .Select(name => BinaryPrimitives.ReadUInt32LittleEndian(files.ReadAllBytes($"{log}/{name}").AsSpan(12)));
    }

    private static void Check(MemoryFileSystem files, List<string[]> expected)
    {
        var time = new ManualTime(WrittenAt);
        time.Advance(TimeSpan.FromMinutes(2));
        for (int round = 0; round < 2; round++)
        {
            SteppedNode node = SteppedNode.Start(files, time, o => Configure(o, CompressionType.Snappy));
            CheckPairs(node, expected, expired: false);
            foreach (string[] fields in expected) CheckOutcome(node, fields);
            CheckPairs(node, expected, expired: false); // the repeats wrote nothing
            node.Stop();
        }

        time.Advance(Ttl);
        SteppedNode last = SteppedNode.Start(files, time, o => Configure(o, CompressionType.Snappy));
        CheckPairs(last, expected, expired: true);
        Assert.True(last.Put("new", "value").IsOk);
        last.Stop();
    }

    private static void CheckPairs(SteppedNode node, List<string[]> expected, bool expired)
    {
        IEnumerable<string[]> pairs = expected.Where(f => f[0] == "pair" || (f[0] == "expiring" && !expired));
        string[] living = [.. pairs.OrderBy(f => f[1], StringComparer.Ordinal).Select(f => string.Join('\t', f[1..]))];
        ScanPage page = node.Scan(new ScanOptions(), pairs: 10_000).Value;
        Assert.Equal(living, page.Pairs.Select(p => $"{Text(p.Key)}\t{Text(p.Value)}\t{p.Version}"));
        foreach (string[] fields in expected.Where(f => f[0] is "pair" or "expiring" or "gone"))
        {
            GetResult found = node.Get(fields[1]).Value;
            bool isThere = fields[0] == "pair" || (fields[0] == "expiring" && !expired);
            Assert.Equal(isThere ? fields[2..] : null, found.Found ? [Text(found.Value), $"{found.Version}"] : null);
        }
    }

    private static void CheckOutcome(SteppedNode node, string[] fields)
    {
        switch (fields[0])
        {
            case "put":
                PutResult put = node.Put(fields[2], fields[3], new PutOptions { IdempotencyKey = fields[1] }).Value;
                Assert.Equal((fields[4], "true"), ($"{put.Version}", put.Meta.IdempotentReplay));
                break;
            case "delete":
                DeleteResult delete = node.Delete(fields[2], new DeleteOptions { IdempotencyKey = fields[1] }).Value;
                Assert.Equal((fields[3], fields[4]), ($"{delete.Version}", $"{delete.Tombstoned}"));
                Assert.Equal("true", delete.Meta.IdempotentReplay);
                break;
            case "refused":
                Assert.Equal(fields[3], $"{Refused(node, fields[1], fields[2])}");
                break;
            case "batch":
                Assert.Equal(fields[3..], Batch(node, fields[1], fields[2]));
                break;
        }
    }

    private static List<string[]> Write(SteppedNode node)
    {
        var pairs = new Dictionary<string, string[]>();
        var outcomes = new List<string[]>();
        for (int i = 0; i < 240; i++)
        {
            string key = $"key-{i % 90:D3}", value = $"value {i} {new string('v', i % 50)}", id = $"request {i}";
            string session = $"s1:session-{i % 3}:{i + 1}:{node.Time.UnixMs}";
            PutOptions plain = new(), keyed = new() { IdempotencyKey = i % 2 == 0 ? id : session };
            switch (i % 8)
            {
                case 0:
                    DeleteResult delete = node.Delete(key, new DeleteOptions { IdempotencyKey = id }).Value;
                    outcomes.Add(["delete", id, key, $"{delete.Version}", $"{delete.Tombstoned}"]);
                    pairs[key] = ["gone", key];
                    break;
                case 1 or 2:
                    Put("pair", keyed);
                    outcomes.Add(["put", keyed.IdempotencyKey!, key, value, pairs[key][3]]);
                    break;
                case 3:
                    Put("expiring", plain with { Ttl = Ttl });
                    break;
                case 4:
                    node.Put(key, value);
                    outcomes.Add(["refused", id, key, $"{Refused(node, id, key)}"]);
                    GetResult now = node.Get(key).Value;
                    pairs[key] = ["pair", key, value, $"{now.Version}"];
                    break;
                default:
                    Put("pair", plain);
                    break;
            }

            node.Time.AdvanceMs(100);
            node.RunUntilIdle();

            void Put(string kind, PutOptions options) =>
                pairs[key] = [kind, key, value, $"{node.Put(key, value, options).Value.Version}"];
        }

        string[] versions = Batch(node, "batch", "several keys");
        outcomes.Add(["batch", "batch", "several keys", .. versions]);
        for (int i = 0; i < versions.Length; i++) pairs[$"batch-{i}"] = ["pair", $"batch-{i}", "several keys", versions[i]];
        return [.. pairs.Values.OrderBy(f => f[1], StringComparer.Ordinal), .. outcomes];
    }

    private static KvCode Refused(SteppedNode node, string id, string key) =>
        node.Put(key, "refused", new PutOptions { IfNotExists = true, IdempotencyKey = id }).Error!.Code;

    private static string[] Batch(SteppedNode node, string id, string value) => [.. node.Batch(
        new BatchOptions { IdempotencyKey = id },
        [.. Enumerable.Range(0, 5).Select(i => BatchOperation.Put(SteppedNode.Bytes($"batch-{i}"), SteppedNode.Bytes(value)))])
        .Value.Select(r => $"{r.Version}")];

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    private static NodeOptions Configure(NodeOptions options, CompressionType compression) => options with
    {
        TotalShards = 4,
        LogSegmentBytes = 16 << 10,
        MemtableBytes = 8 << 10,
        ConfigureEngine = engine => engine with { Compression = compression, BlockBytes = 512, L0CompactionTrigger = 2 },
    };
}
