using System.Runtime.CompilerServices;
using Nori.Core;
using Nori.SSTable.Blocks;
using Nori.SSTable.Cache;
using Nori.SSTable.Format;

namespace Nori.SSTable.Tests;

public sealed class BlockCacheTests
{
    [Fact]
    public void A_block_that_was_inserted_is_found_and_counted()
    {
        using var cache = new BlockCache(1 << 20);
        Assert.False(Has(cache, 1, 100));
        cache.Insert(1, 100, NewBlock(4096, 7)).Release();
        Assert.True(cache.Find(1, 100, out Block found));
        Assert.True(IsIntact(found, 4096, 7));
        found.Release();
        Assert.False(Has(cache, 2, 100));
        Assert.False(Has(cache, 1, 101));
        Assert.Equal((1, 3), (cache.Hits, cache.Misses));
        Assert.Equal(1, cache.Count);
        Assert.InRange(cache.Bytes, 4096 + 64, 4096 + 256);
    }

    [Theory]
    [InlineData(1L << 40)]
    [InlineData(long.MaxValue)]
    public void A_cache_without_a_bound_worth_the_name_is_made_of_little_memory(long bytes)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        using var cache = new BlockCache(bytes);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100 << 20);
        for (int i = 0; i < 10_000; i++) cache.Insert(1, i, NewBlock(100, 1)).Release();
        Assert.Equal(10_000, cache.Count);
        for (int i = 0; i < 10_000; i++) Assert.True(Has(cache, 1, i));
    }

    [Fact]
    public void The_first_of_two_inserters_wins()
    {
        using var cache = new BlockCache(1 << 20);
        cache.Insert(1, 100, NewBlock(10, 1)).Release();
        Block second = cache.Insert(1, 100, NewBlock(10, 2));
        Assert.True(IsIntact(second, 10, 1));
        second.Release();
        Assert.Equal(1, cache.Count);
    }

    [Fact]
    public void The_budget_holds_and_blocks_in_use_get_a_second_chance()
    {
        using var cache = new BlockCache(1 << 20);
        cache.Insert(9, 0, NewBlock(4096, 9)).Release();
        for (int i = 0; i < 10_000; i++)
        {
            cache.Insert(1, i, NewBlock(4096, 1)).Release();
            Assert.True(Has(cache, 9, 0));
            Assert.InRange(cache.Bytes, 0, 1 << 20);
        }

        Assert.InRange(cache.Evictions, 9_000, 10_000);
        cache.CheckInvariants();
    }

    [Fact]
    public void A_block_above_the_budget_is_not_kept()
    {
        using var cache = new BlockCache(10_000);
        using var none = new BlockCache(0);
        foreach (BlockCache small in new[] { cache, none })
        {
            Block block = small.Insert(1, 0, NewBlock(20_000, 3));
            Assert.True(IsIntact(block, 20_000, 3));
            block.Release();
            Assert.False(Has(small, 1, 0));
            Assert.Equal((0, 0), (small.Bytes, small.Count));
        }
    }

    [Fact]
    public async Task Many_threads_find_only_what_belongs_to_the_place()
    {
        // Room for about nine of sixty blocks: slots are used again all the time.
        using var cache = new BlockCache(10_000);
        await Task.WhenAll(Enumerable.Range(1, 4).Select(thread => Task.Run(() =>
        {
            var prng = new Prng((ulong)thread);
            for (int i = 0; i < 200_000; i++)
            {
                int offset = prng.NextInt(60);
                if (!cache.Find(1, offset, out Block block)) block = cache.Insert(1, offset, NewBlock(1000 + offset, (byte)offset));
                // Freed memory is overwritten in these tests.
                Assert.True(IsIntact(block, 1000 + offset, (byte)offset));
                block.Release();
            }
        })));
        cache.CheckInvariants();
        Assert.Equal(800_000, cache.Hits + cache.Misses);
    }

    [Fact]
    public void A_random_history_keeps_ring_chains_and_counts_in_step()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var prng = new Prng(seed);
            using var cache = new BlockCache(prng.NextInt(2_000, 60_000));
            for (int i = 0; i < 2_000; i++)
            {
                int offset = prng.NextInt(300);
                if (!cache.Find(1, offset, out Block block))
                    block = cache.Insert(1, offset, NewBlock(prng.NextInt(1, 3_000), (byte)offset));
                block.Release();
                if (i % 100 == 0) cache.CheckInvariants();
            }
        }
    }

    [Fact]
    public void What_is_evicted_stays_until_its_reader_is_done_and_slots_are_used_again()
    {
        using var cache = new BlockCache(10_000);
        for (int round = 0; round < 1000; round++)
        {
            Block read = cache.Insert(1, round * 10, NewBlock(4000, 5));
            for (int i = 1; i < 5; i++) cache.Insert(1, (round * 10) + i, NewBlock(4000, 6)).Release();
            Assert.False(Has(cache, 1, round * 10));
            Assert.True(IsIntact(read, 4000, 5));
            read.Release();
        }

        cache.CheckInvariants();
    }

    [Fact]
    public void With_more_evicted_blocks_in_use_than_slots_the_next_is_not_kept()
    {
        using var cache = new BlockCache(1000);
        var held = new List<Block>();
        for (int i = 0; i < 1000; i++)
        {
            held.Add(cache.Insert(1, i, NewBlock(800, (byte)i)));
            Assert.True(IsIntact(held[i], 800, (byte)i));
        }

        Assert.InRange(cache.Count, 0, 1);
        for (int i = 0; i < held.Count; i++) Assert.True(IsIntact(held[i], 800, (byte)i));
        foreach (Block block in held) block.Release();
        cache.CheckInvariants();
        cache.Insert(2, 0, NewBlock(800, 1)).Release();
        Assert.True(Has(cache, 2, 0));
    }

    [Fact]
    public void A_slot_is_as_long_as_a_line_of_the_processors_cache() => Assert.Equal(64, Unsafe.SizeOf<CacheSlot>());

    [Fact]
    public void A_disposed_cache_keeps_nothing()
    {
        var cache = new BlockCache(1 << 20);
        Block block = cache.Insert(1, 0, NewBlock(100, 4));
        cache.Dispose();
        cache.Dispose();
        Assert.True(IsIntact(block, 100, 4));
        block.Release();
        Assert.Equal((0, 0), (cache.Count, cache.Bytes));
        cache.Insert(1, 0, NewBlock(100, 4)).Release();
        Assert.False(Has(cache, 1, 0));
        cache.CheckInvariants();
    }

    private static bool Has(BlockCache cache, ulong owner, long offset)
    {
        if (!cache.Find(owner, offset, out Block block)) return false;
        block.Release();
        return true;
    }

    private static bool IsIntact(in Block block, int length, byte content) =>
        block.Length == length && block.Bytes.IndexOfAnyExcept(content) < 0;

    private static Block NewBlock(int bytes, byte content)
    {
        nint memory = BlockMemory.Allocate(bytes);
        BlockMemory.Span(memory, bytes).Fill(content);
        return new Block(memory, bytes, BlockRole.Data, default);
    }
}
