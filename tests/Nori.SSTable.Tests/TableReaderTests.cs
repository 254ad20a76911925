using Nori.Compression;
using Nori.Core;
using Nori.IO;

namespace Nori.SSTable.Tests;

public sealed class TableReaderTests
{
    private const int Keys = 20_000;
    private readonly MemoryFileSystem _fileSystem = Model.NewFileSystem();

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Lz4)]
    public void A_cached_lookup_allocates_nothing(CompressionType compression)
    {
        BuildKeys(compression);
        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        byte[][] keys = [.. Enumerable.Range(0, Keys).Select(i => Model.Bytes($"key{i:d9}"))];
        byte[] missing = Model.Bytes("key000000042x");
        long found = 0;
        foreach (byte[] key in keys) found += Length(key);
        Assert.Equal(Keys * 50L, found);
        Assert.Equal(0, Allocations.Least(() =>
        {
            foreach (byte[] key in keys)
            {
                found += Length(key) + Length(missing);
            }
        }));
        Assert.Equal(0, found % (Keys * 50L));

        int Length(byte[] key)
        {
            using TableBorrowedLookup lookup = reader.Borrow(key);
            return lookup.Value.Length;
        }
    }

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Lz4)]
    public void A_scan_that_does_not_fill_the_cache_allocates_nothing_per_block(CompressionType compression)
    {
        BuildKeys(compression);
        var cache = new BlockCache(8 << 20);
        using TableReader reader = TableReader.Open(
            _fileSystem, Model.Path, new TableReaderOptions { Cache = cache });
        using TableIterator iterator = reader.NewIterator(TableReadOptions.Compaction);
        Assert.Equal(Keys, Scan(iterator));
        Assert.InRange(Allocations.Least(() => Scan(iterator)), 0, 1000);
        Assert.Equal(0, cache.Count);
    }

    [Fact]
    public void Readers_share_a_cache_without_mixing_their_blocks()
    {
        var cache = new BlockCache(8 << 20);
        Model.Build(_fileSystem, [new ModelEntry([1], 1, EntryKind.Put, [1])]);
        Model.Build(_fileSystem, [new ModelEntry([1], 1, EntryKind.Put, [2])], path: "/tables/2.sst");
        var options = new TableReaderOptions { Cache = cache };
        using TableReader one = TableReader.Open(_fileSystem, Model.Path, options);
        using TableReader two = TableReader.Open(_fileSystem, "/tables/2.sst", options);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal([1], one.Get([1]).Value.ToArray());
            Assert.Equal([2], two.Get([1]).Value.ToArray());
        }

        Assert.Equal((4, 4), (cache.Hits, cache.Misses));
    }

    [Fact]
    public void A_table_opened_again_under_its_cache_name_finds_its_blocks()
    {
        var cache = new BlockCache(8 << 20);
        Model.Build(_fileSystem, [new ModelEntry([1], 1, EntryKind.Put, [1])]);
        var options = new TableReaderOptions { Cache = cache, CacheOwner = cache.NextOwner() };
        for (int i = 0; i < 2; i++)
        {
            using TableReader reader = TableReader.Open(_fileSystem, Model.Path, options);
            Assert.True(reader.Get([1]).Found);
        }

        Assert.Equal((2, 2), (cache.Hits, cache.Misses));
    }

    [Fact]
    public void The_file_is_closed_with_the_last_reference()
    {
        BuildKeys(CompressionType.None);
        TableReader reader = TableReader.Open(
            _fileSystem, Model.Path, new TableReaderOptions { PrivateCacheBytes = 0 });
        TableIterator iterator = reader.NewIterator();
        Assert.True(reader.TryAddReference());
        reader.Dispose();
        reader.Dispose();
        Assert.Equal(Keys, Scan(iterator));
        iterator.Dispose();
        iterator.Dispose();
        Assert.True(reader.Get(Model.Bytes("key000000001")).Found);
        reader.Release();
        Assert.False(reader.TryAddReference());
        Assert.Throws<ObjectDisposedException>(() => reader.NewIterator());
        Assert.ThrowsAny<Exception>(() => reader.Get(Model.Bytes("key000000001")));
    }

    [Fact]
    public void A_value_outlives_its_reader_and_its_place_in_the_cache()
    {
        BuildKeys(CompressionType.None);
        TableBorrowedLookup found;
        using (TableReader reader = TableReader.Open(
            _fileSystem, Model.Path, new TableReaderOptions { PrivateCacheBytes = 20_000 }))
        {
            found = reader.Borrow(Model.Bytes("key000000007"));
            using TableIterator iterator = reader.NewIterator();
            Scan(iterator);
        }

        Assert.Equal(Value(7), found.Value.ToArray());
        found.Dispose();
        found.Dispose();
        Assert.False(found.Found);
        Assert.True(found.Value.IsEmpty);
    }

    [Fact]
    public void The_filter_spares_most_reads_of_missing_keys()
    {
        BuildKeys(CompressionType.None);
        var cache = new BlockCache(64 << 20);
        using TableReader reader = TableReader.Open(
            _fileSystem, Model.Path, new TableReaderOptions { Cache = cache });
        for (int i = 0; i < Keys; i++) Assert.False(reader.Get(Model.Bytes($"key{i:d9}x")).Found);
        Assert.InRange((cache.Hits + cache.Misses) / 2.0 / Keys, 0, 0.012);
        Assert.True(reader.MemoryBytes > Keys * 10 / 8);
    }

    [Fact]
    public void A_verification_can_be_paced()
    {
        BuildKeys(CompressionType.Lz4);
        using TableReader reader = TableReader.Open(_fileSystem, Model.Path);
        using TableVerifier verifier = reader.NewVerifier();
        int steps = 1;
        for (long last = 0; verifier.RunOnce(10_000); last = verifier.BytesChecked, steps++)
            Assert.InRange(verifier.BytesChecked - last, 10_000, 20_000);
        Assert.Equal(reader.Properties.FileBytes, verifier.BytesChecked);
        Assert.InRange(steps, 10, 1000);
        Assert.False(verifier.RunOnce(1));
    }

    [Fact]
    public void A_failing_disk_is_not_corruption()
    {
        BuildKeys(CompressionType.None);
        FaultInjectingFileSystem faulty = Model.Failing(_fileSystem, FileOperation.Read);
        Assert.Throws<StorageException>(() => TableReader.Open(faulty, Model.Path));
    }

    [Fact]
    public async Task Many_threads_read_one_table_through_a_small_cache()
    {
        BuildKeys(CompressionType.Lz4);
        var cache = new BlockCache(100_000);
        using TableReader reader = TableReader.Open(
            _fileSystem, Model.Path, new TableReaderOptions { Cache = cache });
        await Task.WhenAll(Enumerable.Range(1, 4).Select(thread => Task.Run(() =>
        {
            var prng = new Prng((ulong)thread);
            using TableIterator iterator = reader.NewIterator();
            for (int i = 0; i < 5_000; i++)
            {
                int key = prng.NextInt(Keys);
                Assert.True(reader.Get(Model.Bytes($"key{key:d9}")).Value.Span.SequenceEqual(Value(key)));
                if (i % 10 != 0) continue;
                iterator.Seek(Model.Bytes($"key{key:d9}"));
                Assert.True(iterator.Value.SequenceEqual(Value(key)));
            }
        })));
        cache.CheckInvariants();
    }

    private static int Scan(TableIterator iterator)
    {
        int count = 0;
        for (iterator.SeekToFirst(); iterator.Valid; iterator.Next()) count++;
        return count;
    }

    private static byte[] Value(int i)
    {
        byte[] value = new byte[50];
        BitConverter.TryWriteBytes(value, i);
        return value;
    }

    private void BuildKeys(CompressionType compression)
    {
        using var builder = new TableBuilder(
            _fileSystem, Model.Path, new TableOptions { Compression = compression });
        for (int i = 0; i < Keys; i++) builder.Add(Model.Bytes($"key{i:d9}"), Value(i));
        builder.Finish();
    }
}
