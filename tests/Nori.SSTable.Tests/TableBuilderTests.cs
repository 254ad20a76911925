using Nori.Compression;
using Nori.Core;
using Nori.IO;

namespace Nori.SSTable.Tests;

public sealed class TableBuilderTests
{
    private readonly MemoryFileSystem _fileSystem = Model.NewFileSystem();

    [Fact]
    public void Entries_out_of_order_are_refused_and_the_builder_goes_on()
    {
        using var builder = new TableBuilder(_fileSystem, Model.Path);
        builder.Add("b"u8, 5, EntryKind.Put, "1"u8);
        Assert.Throws<ArgumentException>(() => builder.Add("a"u8, 9, EntryKind.Put, "2"u8));
        Assert.Throws<ArgumentException>(() => builder.Add("b"u8, 5, EntryKind.Delete, default));
        Assert.Throws<ArgumentException>(() => builder.Add("b"u8, 6, EntryKind.Put, "3"u8));
        builder.Add("b"u8, 4, EntryKind.Put, "4"u8);
        builder.Add("c"u8, "5"u8);
        Assert.Equal(3, builder.Finish().Entries);
        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        Assert.Equal("4"u8.ToArray(), reader.Get("b"u8, 4).Value.ToArray());
    }

    [Fact]
    public void Entries_out_of_bounds_are_refused()
    {
        using var builder = new TableBuilder(_fileSystem, Model.Path);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => builder.Add(new byte[65_536], 1, EntryKind.Put, default));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => builder.Add("a"u8, 1UL << 56, EntryKind.Put, default));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => builder.Add("a"u8, 1, EntryKind.RangeDelete, default));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => builder.Add("a"u8, 1, EntryKind.Put, new byte[(16 << 20) + 9]));
        Assert.Throws<ArgumentException>(() => builder.Add("a"u8, 1, EntryKind.Delete, "x"u8));
        Assert.Throws<ArgumentException>(() => builder.Add("a"u8, 1, EntryKind.PutWithExpiry, "short"u8));
        Assert.Throws<ArgumentException>(() => builder.AddRangeDelete("b"u8, "b"u8, 1));
        Assert.True(builder.IsEmpty);
    }

    [Fact]
    public void Unusable_options_are_all_named()
    {
        var options =
            new TableOptions { BlockBytes = 0, RestartInterval = 0, BloomBitsPerKey = 99, FormatVersion = 2 };
        Assert.Equal(4, options.Validate().Count);
        Assert.Throws<ArgumentException>(() => new TableBuilder(_fileSystem, Model.Path, options));
        Assert.False(_fileSystem.FileExists(Model.Path));
    }

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public void Huge_values_round_trip(CompressionType compression)
    {
        int[] lengths = [0, 1 << 20, 3, 16 << 20, 4096];
        using (var builder = new TableBuilder(
            _fileSystem, Model.Path, new TableOptions { Compression = compression }))
        {
            for (int i = 0; i < lengths.Length; i++)
                builder.Add(Model.Bytes($"key{i}"), Value(i, lengths[i]));
            builder.Finish();
        }

        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        using TableIterator iterator = reader.NewIterator(TableReadOptions.Compaction);
        iterator.SeekToFirst();
        for (int i = 0; i < lengths.Length; i++, iterator.Next())
        {
            Assert.True(reader.Get(Model.Bytes($"key{i}")).Value.Span.SequenceEqual(Value(i, lengths[i])));
            Assert.True(iterator.Value.SequenceEqual(Value(i, lengths[i])));
        }

        reader.VerifyChecksums();
    }

    [Fact]
    public void An_empty_table_is_a_table()
    {
        TableProperties properties = Model.Build(_fileSystem, []);
        Assert.True(properties.IsEmpty);
        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        using TableIterator iterator = reader.NewIterator();
        iterator.SeekToFirst();
        Assert.False(iterator.Valid);
        iterator.SeekToLast();
        Assert.False(iterator.Valid);
        iterator.Seek("x"u8);
        Assert.False(iterator.Valid);
        iterator.SeekForPrev("x"u8);
        Assert.False(iterator.Valid);
        Assert.False(reader.Get("x"u8).Found);
        Assert.Empty(reader.RangeDeletes);
        reader.VerifyChecksums();
    }

    [Fact]
    public void The_empty_key_and_keys_up_to_64_KiB_are_keys()
    {
        byte[][] keys = [[], [0], new byte[1024], new byte[65_535]];
        using (var builder = new TableBuilder(_fileSystem, Model.Path))
        {
            foreach (byte[] key in keys) builder.Add(key, BitConverter.GetBytes(key.Length));
            builder.Finish();
        }

        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        foreach (byte[] key in keys)
            Assert.Equal(BitConverter.GetBytes(key.Length), reader.Get(key).Value.ToArray());
        reader.VerifyChecksums();
    }

    [Fact]
    public void Keys_that_grow_by_sharing_all_of_the_key_before_are_found()
    {
        // Found by Mutated_files_give_a_result_or_corruption with seed 162: a grown key buffer lost the
        // shared part.
        using (var builder = new TableBuilder(_fileSystem, Model.Path))
        {
            for (int length = 0; length <= 1024; length++)
                builder.Add(Enumerable.Repeat((byte)7, length).ToArray(), "v"u8);
            builder.Finish();
        }

        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        for (int length = 0; length <= 1024; length++)
            Assert.True(reader.Get(Enumerable.Repeat((byte)7, length).ToArray()).Found);
        reader.VerifyChecksums();
    }

    [Fact]
    public void Versions_of_one_key_may_span_many_blocks_and_index_blocks()
    {
        const int versions = 2000;
        var options = new TableOptions { BlockBytes = 64, IndexBlockBytes = 64 };
        using (var builder = new TableBuilder(_fileSystem, Model.Path, options))
        {
            builder.Add("a"u8, 1, EntryKind.Put, "before"u8);
            for (ulong s = versions; s >= 1; s--)
                builder.Add("k"u8, 2 * s, EntryKind.Put, BitConverter.GetBytes(s));
            builder.Add("k0"u8, 1, EntryKind.Put, "after"u8);
            builder.Finish();
        }

        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        using TableIterator iterator = reader.NewIterator();
        Assert.InRange(reader.Properties.IndexBlocks, 2, int.MaxValue);
        Assert.Equal(3, reader.Properties.DistinctKeys);
        for (ulong s = 1; s <= versions; s++)
        {
            Assert.Equal(2 * s, reader.Get("k"u8, 2 * s).Sequence);
            Assert.Equal(2 * s, reader.Get("k"u8, 2 * s + 1).Sequence);
            iterator.Seek("k"u8, 2 * s + 1);
            Assert.Equal(2 * s, iterator.Sequence);
            iterator.SeekForPrev("k"u8, 2 * s - 1);
            Assert.Equal(2 * s, iterator.Sequence);
        }

        Assert.False(reader.Get("k"u8, 1).Found);
        iterator.Seek("k"u8, 1);
        Assert.True(iterator.UserKey.SequenceEqual("k0"u8));
        iterator.SeekForPrev("k"u8, ulong.MaxValue);
        Assert.True(iterator.UserKey.SequenceEqual("a"u8));
    }

    [Fact]
    public void Range_deletes_come_back_sorted_and_widen_the_bounds()
    {
        (string, string, ulong)[] ranges = [("m", "p", 4), ("b", "c", 2), ("m", "z", 9), ("b", "d", 2)];
        TableProperties properties = Model.Build(
            _fileSystem, [new ModelEntry(Model.Bytes("k"), 3, EntryKind.Put, [1])], null, ranges);
        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        string[] seen = [.. reader.RangeDeletes.Select(r =>
            $"{Text(r.Start)}-{Text(r.End)}@{r.Sequence}")];
        Assert.Equal(["b-d@2", "m-z@9", "m-p@4"], seen);
        Assert.Equal(3, reader.Properties.RangeDeletes);
        Assert.Equal(("b", "z"), (Text(properties.SmallestKey), Text(properties.LargestKey)));
        Assert.Equal((2UL, 9UL), (reader.Properties.SmallestSequence, reader.Properties.LargestSequence));
        reader.VerifyChecksums();
    }

    [Fact]
    public void User_properties_are_kept()
    {
        using (var builder = new TableBuilder(_fileSystem, Model.Path))
        {
            builder.SetUserProperty("colour", "green"u8);
            builder.SetUserProperty("ünïcode", []);
            Assert.Throws<ArgumentException>(() => builder.SetUserProperty(new string('x', 1025), []));
            builder.Finish();
        }

        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        Assert.Equal(2, reader.Properties.UserProperties.Count);
        Assert.Equal("green", Text(reader.Properties.UserProperties["colour"]));
    }

    [Fact]
    public void Abandon_deletes_the_file_and_finish_ends_the_builder()
    {
        var builder = new TableBuilder(_fileSystem, Model.Path);
        builder.Add("a"u8, "1"u8);
        builder.Abandon();
        Assert.False(_fileSystem.FileExists(Model.Path));
        Assert.Throws<InvalidOperationException>(() => builder.Add("b"u8, "1"u8));
        var second = new TableBuilder(_fileSystem, Model.Path);
        second.Finish();
        second.Abandon();
        second.Dispose();
        Assert.True(_fileSystem.FileExists(Model.Path));
        Assert.Throws<InvalidOperationException>(() => second.Finish());
    }

    [Fact]
    public void The_estimate_is_near_the_file()
    {
        using var builder = new TableBuilder(
            _fileSystem, Model.Path, new TableOptions { TargetFileBytes = 1 << 20 });
        int added = 0;
        for (; !builder.IsFull; added++) builder.Add(Model.Bytes($"key{added:d9}"), new byte[100]);
        Assert.InRange(builder.Finish().FileBytes, 900_000, 1_100_000);
    }

    [Theory]
    [InlineData(FileOperation.Write)]
    [InlineData(FileOperation.Sync)]
    public void A_failing_disk_fails_the_builder_for_good(FileOperation operation)
    {
        FaultInjectingFileSystem faulty = Model.Failing(_fileSystem, operation);
        using var builder = new TableBuilder(
            faulty, Model.Path, new TableOptions { WriteBufferBytes = 4096 });
        Assert.Throws<StorageException>(() =>
        {
            for (int i = 0; i < 1000; i++) builder.Add(Model.Bytes($"key{i:d9}"), new byte[100]);
            builder.Finish();
        });
        Assert.Throws<InvalidOperationException>(() => builder.Add("z"u8, "1"u8));
        Assert.Throws<InvalidOperationException>(() => builder.Finish());
        builder.Abandon();
        Assert.False(_fileSystem.FileExists(Model.Path));
    }

    [Fact]
    public void A_finished_table_survives_power_loss()
    {
        Model.Build(_fileSystem, [new ModelEntry([1], 1, EntryKind.Put, [2])]);
        _fileSystem.SyncDirectory("/tables");
        for (ulong seed = 1; seed <= 20; seed++)
        {
            MemoryFileSystem after = _fileSystem.Crash(seed);
            using TableReader reader = TableReader.Open(after, Model.Path);
            reader.VerifyChecksums();
            Assert.True(reader.Get([1]).Found);
        }
    }

    private static byte[] Value(int seed, int length)
    {
        byte[] value = new byte[length];
        var prng = new Prng((ulong)seed);
        prng.Fill(value.AsSpan(0, length / 2));
        return value;
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);
}
