using System.Runtime.CompilerServices;
using Nori.Compression;
using Nori.Core;
using Nori.IO;
using Nori.SSTable.Blocks;
using Nori.SSTable.Format;

namespace Nori.SSTable.Tests;

/// <summary>Blocks outside the collected heap: none is read behind its end, none is forgotten.</summary>
[Collection(nameof(Alone))]
public sealed class BlockMemoryTests
{
    private const int Keys = 5_000;
    private readonly MemoryFileSystem _fileSystem = Model.NewFileSystem();

    [ModuleInitializer]
    internal static void OverwriteWhatIsFreed() => BlockMemory.OverwritesFreed = true;

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Lz4)]
    public async Task Threads_that_read_and_walk_through_a_tiny_cache_see_what_was_written_and_leave_nothing_behind(
        CompressionType compression)
    {
        long before = Settled();
        Build(compression);
        using (var cache = new BlockCache(30_000))
        {
            using TableReader reader = TableReader.Open(_fileSystem, Model.Path, new TableReaderOptions { Cache = cache });
            await Task.WhenAll(Enumerable.Range(1, 4).Select(thread => Task.Run(() => Read(reader, (ulong)thread))));
            Assert.True(cache.Evictions > 1000);
            Assert.InRange(BlockCache.ProcessBytes - before, 1, 30_000);
        }

        Assert.Equal(before, BlockCache.ProcessBytes);
    }

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Lz4)]
    public void Damage_on_the_way_leaves_nothing_behind(CompressionType compression)
    {
        long before = Settled();
        Build(compression);
        for (ulong seed = 1; seed <= 40; seed++) ReadDamaged(seed);
        Assert.Equal(before, BlockCache.ProcessBytes);
    }

    [Fact]
    public void A_cache_that_nobody_disposed_of_is_freed_with_its_last_reference()
    {
        long before = Settled();
        FillAndForget();
        Assert.Equal(before, Settled());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FillAndForget()
    {
        var cache = new BlockCache(1 << 20);
        for (int i = 0; i < 20; i++) cache.Insert(1, i, new Block(BlockMemory.Allocate(1000), 1000, BlockRole.Data, default)).Release();
        GC.KeepAlive(cache);
    }

    // Caches of other tests that nobody disposed of go first.
    private static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return BlockCache.ProcessBytes;
    }

    private void ReadDamaged(ulong seed)
    {
        var prng = new Prng(seed);
        long length;
        using (IFile file = _fileSystem.Open(Model.Path, FileOpen.Read)) length = file.Length;
        long at = (long)(prng.NextDouble() * length * 0.9);
        Flip();
        try
        {
            using TableReader reader = TableReader.Open(_fileSystem, Model.Path, new TableReaderOptions { PrivateCacheBytes = 30_000 });
            using TableIterator iterator = reader.NewIterator(new TableReadOptions { ReadaheadBytes = (int)(seed % 2) * 65_536 });
            for (int i = 0; i < Keys; i += 7)
            {
                try
                {
                    byte[] key = Model.Bytes($"key{i:d9}");
                    using TableBorrowedLookup found = reader.Borrow(key);
                    iterator.Seek(key);
                }
                catch (CorruptionException)
                {
                    // What is asked here is only whether its memory comes back.
                    continue;
                }
            }
        }
        catch (CorruptionException)
        {
            // Opening found it.
            return;
        }
        finally
        {
            Flip();
        }

        void Flip() => _fileSystem.Corrupt(Model.Path, at, 8);
    }

    private static void Read(TableReader reader, ulong seed)
    {
        var prng = new Prng(seed);
        using TableIterator iterator = reader.NewIterator();
        for (int i = 0; i < 20_000; i++)
        {
            int number = prng.NextInt(Keys);
            byte[] key = Model.Bytes($"key{number:d9}");
            if (i % 3 != 0)
            {
                using TableBorrowedLookup found = reader.Borrow(key);
                Assert.True(found.Value.SequenceEqual(Value(number)));
                continue;
            }

            iterator.Seek(key);
            for (int steps = prng.NextInt(30); steps > 0 && iterator.Valid && number < Keys; steps--, number++)
            {
                Assert.True(iterator.Value.SequenceEqual(Value(number)));
                iterator.Next();
            }
        }
    }

    private void Build(CompressionType compression)
    {
        using var builder = new TableBuilder(_fileSystem, Model.Path, new TableOptions { Compression = compression });
        for (int i = 0; i < Keys; i++) builder.Add(Model.Bytes($"key{i:d9}"), Value(i));
        builder.Finish();
    }

    private static byte[] Value(int key) => [.. Enumerable.Range(0, 50).Select(i => (byte)(key * 31 + i))];

    /// <summary>The bytes of shared blocks are counted for the whole process.</summary>
    [CollectionDefinition(nameof(Alone), DisableParallelization = true)]
    public sealed class Alone;
}
