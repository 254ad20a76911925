using Nori.Compression;
using Nori.Core;
using Nori.IO;
using Nori.SSTable.Format;

namespace Nori.SSTable.Tests;

/// <summary>Damage of every kind is a CorruptionException, or changes nothing that is read.</summary>
public sealed class CorruptionTests
{
    public static TheoryData<CompressionType> Types => [.. Model.Compressions];

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_flipped_byte_is_reported_or_changes_nothing(CompressionType compression)
    {
        byte[] good = SmallTable(compression, out string expected);
        int silent = 0;
        for (int offset = 0; offset < good.Length; offset++)
        {
            for (int kind = 0; kind < 3; kind++)
            {
                byte[] bad = (byte[])good.Clone();
                bad[offset] ^= kind switch { 0 => (byte)0x01, 1 => (byte)0x80, _ => (byte)0xFF };
                string? seen = ReadAll(bad, out CorruptionException? damage);
                if (seen is not null) Assert.Equal(expected, seen);
                if (damage is null) silent++;
                else Assert.InRange(damage.Offset, 0, offset);
            }
        }

        // Every byte of the file is under a checksum: nothing goes unseen.
        Assert.Equal(0, silent);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_truncation_is_reported(CompressionType compression)
    {
        byte[] good = SmallTable(compression, out _);
        for (int length = 0; length < good.Length; length++)
        {
            Assert.Null(ReadAll(good[..length], out CorruptionException? damage));
            Assert.NotNull(damage);
        }
    }

    [Fact]
    public void Bytes_behind_the_footer_are_reported()
    {
        byte[] good = SmallTable(CompressionType.None, out _);
        Assert.Null(ReadAll([.. good, 0], out _));
        // A footer copied behind a grown file is a sound footer in a wrong place.
        Assert.Null(ReadAll([.. good, .. good[^TableFormat.FooterBytes..]], out CorruptionException? damage));
        Assert.NotNull(damage);
    }

    [Fact]
    public void A_block_of_another_table_in_the_same_place_is_reported()
    {
        byte[] one = Table(new TableOptions { TableId = 1 }, "one");
        byte[] two = Table(new TableOptions { TableId = 2 }, "two");
        Assert.Equal(one.Length, two.Length);
        two.AsSpan(0, 100).CopyTo(one);
        Assert.Null(ReadAll(one, out CorruptionException? damage));
        Assert.Equal(0, damage!.Offset);
    }

    [Fact]
    public void A_block_in_the_place_of_another_is_reported()
    {
        // Ten entries of one length and value, one block each: blocks of equal length that differ in their
        // key alone.
        byte[] table = Table(new TableOptions { BlockBytes = 1 }, "same");
        using TableReader reader = OpenBytes(table);
        long block = reader.Properties.DataBytes / reader.Properties.DataBlocks;
        table.AsSpan((int)block, (int)block).CopyTo(table);
        Assert.Null(ReadAll(table, out CorruptionException? damage));
        Assert.Equal(0, damage!.Offset);
    }

    [Fact]
    public void A_wrong_magic_says_which_versions_are_read()
    {
        byte[] bytes = new byte[4096];
        new Prng(1).Fill(bytes);
        var e = Assert.Throws<CorruptionException>(() => OpenBytes(bytes));
        Assert.Equal(4096 - TableFormat.FooterBytes, e.Offset);
        Assert.Contains("versions 1 to 1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_newer_version_is_named_with_the_versions_that_are_read()
    {
        byte[] bytes = SmallTable(CompressionType.None, out _);
        bytes[^16] = 7;
        var e = Assert.Throws<CorruptionException>(() => OpenBytes(bytes));
        Assert.Contains("versions 1 to 1", e.Message, StringComparison.Ordinal);
        Assert.Contains("version 7", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_too_short_for_a_footer_is_no_table()
    {
        Assert.Throws<CorruptionException>(() => OpenBytes([]));
        Assert.Throws<CorruptionException>(() => OpenBytes(new byte[TableFormat.FooterBytes - 1]));
        Assert.Throws<CorruptionException>(() => OpenBytes(new byte[TableFormat.FooterBytes]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Damage_under_an_iterator_leaves_it_invalid_and_the_rest_readable(bool fillCache)
    {
        MemoryFileSystem fileSystem = Model.NewFileSystem();
        var options = new TableOptions { BlockBytes = 200 };
        using (var builder = new TableBuilder(fileSystem, Model.Path, options))
        {
            for (int i = 0; i < 100; i++) builder.Add(Model.Bytes($"key{i:d4}"), Model.Bytes($"value{i}"));
            builder.Finish();
        }

        using TableReader reader = TableReader.Open(fileSystem, Model.Path);
        using TableIterator iterator = reader.NewIterator(new TableReadOptions { FillCache = fillCache });
        fileSystem.Corrupt(Model.Path, 250, 0x40);
        iterator.SeekToFirst();
        var e = Assert.Throws<CorruptionException>(() =>
        {
            while (iterator.Valid) iterator.Next();
        });
        Assert.Equal(Model.Path, e.File);
        Assert.False(iterator.Valid);
        iterator.Seek(Model.Bytes("key0090"));
        Assert.True(iterator.UserKey.SequenceEqual(Model.Bytes("key0090")));
        Assert.True(reader.Get(Model.Bytes("key0099")).Found);
    }

    internal static TableReader OpenBytes(byte[] bytes)
    {
        MemoryFileSystem fileSystem = Model.NewFileSystem();
        using (IFile file = fileSystem.Open(Model.Path, FileOpen.CreateNew)) file.Write(0, bytes);
        return TableReader.Open(fileSystem, Model.Path);
    }

    /// <summary>Everything a reader can see as one text; null when it reported damage.</summary>
    internal static string? ReadAll(byte[] bytes, out CorruptionException? damage)
    {
        damage = null;
        string? seen = null;
        try
        {
            using TableReader reader = OpenBytes(bytes);
            var text = new System.Text.StringBuilder();
            using TableIterator iterator = reader.NewIterator();
            for (iterator.SeekToFirst(); iterator.Valid; iterator.Next())
            {
                TableLookup lookup = reader.Get(iterator.UserKey, iterator.Sequence);
                Assert.True(lookup.Found);
                Append(text, iterator.UserKey, iterator.Sequence, lookup.Kind, iterator.Value);
            }

            for (iterator.SeekToLast(); iterator.Valid; iterator.Prev())
                Append(text, iterator.UserKey, iterator.Sequence, iterator.Kind, iterator.Value);
            foreach (RangeDelete range in reader.RangeDeletes)
                Append(text, range.Start.Span, range.Sequence, EntryKind.RangeDelete, range.End.Span);
            seen = text.ToString();
            reader.VerifyChecksums();
        }
        catch (CorruptionException e)
        {
            damage = e;
        }

        return seen;
    }

    /// <summary>Reads all without expecting lookups to agree with the iterator: for forged files.</summary>
    internal static void ReadAllUnchecked(byte[] bytes, out CorruptionException? damage)
    {
        damage = null;
        try
        {
            using TableReader reader = OpenBytes(bytes);
            using TableIterator iterator = reader.NewIterator(TableReadOptions.Compaction);
            var keys = new List<byte[]>();
            for (iterator.SeekToFirst(); iterator.Valid; iterator.Next())
                keys.Add(iterator.UserKey.ToArray());
            for (iterator.SeekToLast(); iterator.Valid; iterator.Prev()) _ = iterator.Value.Length;
            foreach (byte[] key in keys)
            {
                _ = reader.Get(key);
                iterator.Seek(key, 3);
                iterator.SeekForPrev(key, 3);
            }

            reader.VerifyChecksums();
        }
        catch (CorruptionException e)
        {
            damage = e;
        }
    }

    private static void Append(
        System.Text.StringBuilder text, ReadOnlySpan<byte> key, ulong sequence, EntryKind kind,
        ReadOnlySpan<byte> value) =>
        text.Append(Convert.ToHexString(key)).Append(' ').Append(sequence).Append(kind)
            .Append(Convert.ToHexString(value)).Append('\n');

    private static byte[] SmallTable(CompressionType compression, out string expected)
    {
        MemoryFileSystem fileSystem = Model.NewFileSystem();
        var options = new TableOptions
        {
            BlockBytes = 256,
            IndexBlockBytes = 64,
            RestartInterval = 4,
            Compression = compression,
        };
        using (var builder = new TableBuilder(fileSystem, Model.Path, options))
        {
            for (int i = 0; i < 30; i++)
            {
                byte[] key = Model.Bytes($"some/common/prefix/{i:d3}");
                builder.Add(
                    key, 9, EntryKind.Put, Model.Bytes(string.Concat(Enumerable.Repeat($"value {i} ", 3))));
                builder.Add(key, 3, EntryKind.Delete, []);
            }

            builder.AddRangeDelete(Model.Bytes("a"), Model.Bytes("c"), 5);
            builder.SetUserProperty("made.by", Model.Bytes("test"));
            builder.Finish();
        }

        byte[] good = Model.ReadFile(fileSystem);
        string? seen = ReadAll(good, out CorruptionException? damage);
        Assert.Null(damage);
        expected = seen!;
        return good;
    }

    private static byte[] Table(TableOptions options, string value)
    {
        MemoryFileSystem fileSystem = Model.NewFileSystem();
        using var builder = new TableBuilder(fileSystem, Model.Path, options);
        for (int i = 0; i < 10; i++) builder.Add(Model.Bytes($"key{i}"), Model.Bytes(value));
        builder.Finish();
        return Model.ReadFile(fileSystem);
    }
}
