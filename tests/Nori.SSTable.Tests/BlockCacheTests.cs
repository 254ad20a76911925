using Nori.Core;
using Nori.SSTable.Blocks;
using Nori.SSTable.Format;

namespace Nori.SSTable.Tests;

public sealed class BlockCacheTests
{
    [Fact]
    public void A_block_that_was_inserted_is_found_and_counted()
    {
        var cache = new BlockCache(1 << 20);
        Assert.Null(cache.Find(1, 100));
        Block block = NewBlock(4096);
        Assert.Same(block, cache.Insert(1, 100, block));
        Assert.Same(block, cache.Find(1, 100));
        Assert.Null(cache.Find(2, 100));
        Assert.Null(cache.Find(1, 101));
        Assert.Equal((1, 3), (cache.Hits, cache.Misses));
        Assert.Equal(1, cache.Count);
        Assert.Equal(block.Charge, cache.Bytes);
    }

    [Fact]
    public void The_first_of_two_inserters_wins()
    {
        var cache = new BlockCache(1 << 20);
        Block first = cache.Insert(1, 100, NewBlock(10));
        Assert.Same(first, cache.Insert(1, 100, NewBlock(10)));
        Assert.Equal(1, cache.Count);
    }

    [Fact]
    public void The_budget_holds_and_blocks_in_use_get_a_second_chance()
    {
        var cache = new BlockCache(1 << 20);
        Block hot = cache.Insert(9, 0, NewBlock(4096));
        for (int i = 0; i < 10_000; i++)
        {
            cache.Insert(1, i, NewBlock(4096));
            Assert.Same(hot, cache.Find(9, 0));
            Assert.InRange(cache.Bytes, 0, 1 << 20);
        }

        Assert.InRange(cache.Evictions, 9_000, 10_000);
        cache.CheckInvariants();
    }

    [Fact]
    public void A_block_above_the_budget_is_not_kept()
    {
        var cache = new BlockCache(10_000);
        Block block = NewBlock(20_000);
        Assert.Same(block, cache.Insert(1, 0, block));
        Assert.Null(cache.Find(1, 0));
        Assert.Equal(0, cache.Bytes);
        var none = new BlockCache(0);
        Assert.Same(block, none.Insert(1, 0, block));
        Assert.Equal(0, none.Count);
    }

    [Fact]
    public async Task Many_threads_find_only_what_belongs_to_the_place()
    {
        var cache = new BlockCache(300_000);
        await Task.WhenAll(Enumerable.Range(1, 4).Select(thread => Task.Run(() =>
        {
            var prng = new Prng((ulong)thread);
            for (int i = 0; i < 100_000; i++)
            {
                int offset = prng.NextInt(400);
                Block? block = cache.Find(1, offset);
                block ??= cache.Insert(1, offset, NewBlock(1000 + offset));
                Assert.Equal(1000 + offset, block.Bytes.Length);
            }
        })));
        cache.CheckInvariants();
        Assert.Equal(400_000, cache.Hits + cache.Misses);
    }

    [Fact]
    public void A_random_history_keeps_ring_chains_and_counts_in_step()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var prng = new Prng(seed);
            var cache = new BlockCache(prng.NextInt(2_000, 60_000));
            for (int i = 0; i < 2_000; i++)
            {
                int offset = prng.NextInt(300);
                if (cache.Find(1, offset) is null) cache.Insert(1, offset, NewBlock(prng.NextInt(1, 3_000)));
                if (i % 100 == 0) cache.CheckInvariants();
            }
        }
    }

    private static Block NewBlock(int bytes) => new(new byte[bytes], BlockRole.Data, default);
}
