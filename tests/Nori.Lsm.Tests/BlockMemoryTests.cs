using System.Buffers;
using Nori.Core;
using Nori.IO;
using Nori.SSTable;

namespace Nori.Lsm.Tests;

/// <summary>The engine gives back each block that it reads: their memory is not the garbage collector's.</summary>
[Collection(nameof(Alone))]
public sealed class BlockMemoryTests
{
    private const int Keys = 2_000;

    [Fact]
    public async Task Reads_walks_and_a_closed_engine_leave_nothing_behind()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = BlockCache.ProcessBytes;
        var options = new LsmOptions
        {
            Directory = "/db", FileSystem = new MemoryFileSystem(), MemtableBytes = 64 << 10, BlockCacheBytes = 20_000,
        };
        await using (LsmEngine engine = await LsmEngine.OpenAsync(options, TestContext.Current.CancellationToken))
        {
            for (int i = 0; i < Keys; i++) await engine.PutAsync(Key(i), new byte[100], ct: TestContext.Current.CancellationToken);
            await engine.FlushAsync(TestContext.Current.CancellationToken);
            await engine.CompactRangeAsync(ct: TestContext.Current.CancellationToken);
            Read(engine);
            Assert.InRange(BlockCache.ProcessBytes - before, 1, 20_000);
        }

        Assert.Equal(before, BlockCache.ProcessBytes);
    }

    private static void Read(LsmEngine engine)
    {
        var prng = new Prng(1);
        var writer = new ArrayBufferWriter<byte>();
        for (int i = 0; i < 5_000; i++)
        {
            byte[] key = Key(prng.NextInt(2 * Keys));
            writer.ResetWrittenCount();
            bool isThere = engine.TryGet(key, writer, out _);
            using LsmBorrowedValue borrowed = engine.Borrow(key);
            Assert.Equal(isThere, borrowed.Found);
            if (i % 50 != 0) continue;
            using LsmIterator walk = engine.Scan(ScanRange.Between(key, null, reverse: i % 100 == 0));
            for (int steps = 0; steps < 100 && walk.MoveNext(); steps++) Assert.Equal(100, walk.Value.Length);
        }
    }

    private static byte[] Key(int number) => System.Text.Encoding.ASCII.GetBytes($"key{number:d8}");

    /// <summary>The memory of blocks is counted for the whole process.</summary>
    [CollectionDefinition(nameof(Alone), DisableParallelization = true)]
    public sealed class Alone;
}
