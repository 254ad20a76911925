using System.Text;
using Nori.Compression;
using Nori.IO;
using NoriKV.Golden;

namespace Nori.SSTable.Tests;

/// <summary>
/// Tables that each released format version wrote, one of each compression, are read entry by entry. A new format
/// version adds a folder: raise <see cref="Version"/> and run with UPDATE_GOLDEN=1.
/// </summary>
public sealed class GoldenFileTests
{
    private const string Version = "v1";
    private const string Folder = "/tables";
    private static readonly GoldenData Golden = new("Nori.SSTable.Tests");

    public static IEnumerable<TheoryDataRow<string>> Kept() => Golden.Names.Select(n => new TheoryDataRow<string>(n));

    [Theory]
    [MemberData(nameof(Kept))]
    public void A_table_of_every_released_format_is_read_whole(string name)
    {
        SkipWithoutCodec(Enum.Parse<CompressionType>(name.Split('/')[1], ignoreCase: true));
        Check(Golden.Load(name, Folder), [.. Golden.Expected(name).Select(fields => string.Join('\t', fields))]);
    }

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public void What_is_written_today_is_read_the_same_way(CompressionType compression)
    {
        SkipWithoutCodec(compression);
        MemoryFileSystem files = Model.NewFileSystem();
        string[] expected = Write(files, compression);
        Golden.KeepNew($"{Version}/{compression.ToString().ToLowerInvariant()}", files, Folder, expected);
        Check(files, expected);
    }

    private static void Check(MemoryFileSystem files, string[] expected)
    {
        Assert.True(TableInspector.Inspect(files, Model.Path).IsSound);
        using TableReader reader = TableReader.Open(files, Model.Path);
        reader.VerifyChecksums();
        string[] entries = [.. expected.Where(line => !line.StartsWith("range", StringComparison.Ordinal))];
        Assert.Equal(entries, Walk(reader));
        Assert.Equal(
            expected[entries.Length..],
            reader.RangeDeletes.Select(r => $"range\t{Text(r.Start.Span)}\t{Text(r.End.Span)}\t{r.Sequence}"));
        foreach (string[] fields in entries.Select(e => e.Split('\t')))
        {
            byte[] key = Encoding.UTF8.GetBytes(fields[0]);
            TableLookup found = reader.Get(key, ulong.Parse(fields[1]));
            Assert.True(found.Found);
            Assert.Equal(string.Join('\t', fields), Line(key, found.Sequence, found.Kind, found.Value.Span));
        }

        Assert.False(reader.Get("no such key"u8).Found);
    }

    private static IEnumerable<string> Walk(TableReader reader)
    {
        var entries = new List<string>();
        using TableIterator iterator = reader.NewIterator();
        for (iterator.SeekToFirst(); iterator.Valid; iterator.Next())
            entries.Add(Line(iterator.UserKey, iterator.Sequence, iterator.Kind, iterator.Value));
        return entries;
    }

    private static string[] Write(IFileSystem files, CompressionType compression)
    {
        var expected = new List<string>();
        var options = new TableOptions { TableId = 7, Compression = compression, BlockBytes = 1024, IndexBlockBytes = 512 };
        using var builder = new TableBuilder(files, Model.Path, options);
        for (int i = 0; i < 200; i++)
        {
            byte[] value = Encoding.UTF8.GetBytes($"value {i} {new string('v', i % 90)}");
            Add($"key-{i:D4}", 1000 + (ulong)i, EntryKind.Put, value);
            if (i % 3 == 0) Add($"key-{i:D4}", 500, EntryKind.Delete, []);
            if (i % 5 == 0) Add($"key-{i:D4}", 400, EntryKind.PutWithExpiry, [0, 0, 0, 0, 0, 1, 0, 0, (byte)i]);
        }

        foreach (int i in new[] { 10, 50 })
        {
            builder.AddRangeDelete(Encoding.UTF8.GetBytes($"key-{i:D4}"), Encoding.UTF8.GetBytes($"key-{i + 5:D4}"), 300);
            expected.Add($"range\tkey-{i:D4}\tkey-{i + 5:D4}\t300");
        }

        builder.Finish();
        files.SyncDirectory(Folder);
        return [.. expected];

        void Add(string key, ulong sequence, EntryKind kind, byte[] value)
        {
            builder.Add(Encoding.UTF8.GetBytes(key), sequence, kind, value);
            expected.Add(Line(Encoding.UTF8.GetBytes(key), sequence, kind, value));
        }
    }

    private static string Line(ReadOnlySpan<byte> key, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value) =>
        $"{Text(key)}\t{sequence}\t{kind}\t{Convert.ToHexString(value)}";

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    private static void SkipWithoutCodec(CompressionType compression)
    {
        if (!BlockCodecs.IsAvailable(compression))
            Assert.Skip($"the system's library for {compression} is missing: apt-get install -y liblz4-1 libzstd1");
    }
}
