namespace Nori.Core.Tests;

public sealed class PrngTests
{
    // Computed from the authors' descriptions in another language. A change of these values changes every recorded seed.
    [Fact]
    public void A_seed_gives_its_sequence_for_ever()
    {
        Prng zero = new(0), answer = new(42);
        ulong[] fromZero = [0x99EC5F36CB75F2B4, 0xBF6E1F784956452A, 0x1A5F849D4933E6E0, 0x6AA594F1262D2D2C];
        Assert.Equal(fromZero, Enumerable.Range(0, 4).Select(_ => zero.NextUInt64()));
        ulong[] fromAnswer = [0x15780B2E0C2EC716, 0x6104D9866D113A7E, 0xAE17533239E499A1];
        Assert.Equal(fromAnswer, Enumerable.Range(0, 3).Select(_ => answer.NextUInt64()));
        Assert.Equal(42UL, answer.Seed);
    }

    [Fact]
    public void Equal_seeds_agree_and_other_seeds_do_not()
    {
        Prng a = new(7), b = new(7), c = new(8);
        for (int i = 0; i < 100; i++)
        {
            ulong value = a.NextUInt64();
            Assert.Equal(value, b.NextUInt64());
            Assert.NotEqual(value, c.NextUInt64());
        }
    }

    [Fact]
    public void Bounded_values_stay_in_bounds_and_reach_them()
    {
        Prng random = new(1);
        int[] counts = new int[7];
        for (int i = 0; i < 70_000; i++) counts[random.NextInt(-3, 4) + 3]++;
        Assert.All(counts, count => Assert.InRange(count, 9_500, 10_500));
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(0, random.NextInt(1));
            Assert.InRange(random.NextLong(long.MaxValue), 0, long.MaxValue - 1);
            Assert.InRange(random.NextInt(int.MinValue, int.MaxValue), int.MinValue, int.MaxValue - 1);
            Assert.InRange(random.NextDouble(), 0, 1 - 1e-17);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextInt(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextLong(-1));
    }

    [Fact]
    public void A_chance_is_met_as_often_as_it_says()
    {
        Prng random = new(2);
        Assert.Equal(0, Enumerable.Range(0, 10_000).Count(_ => random.Chance(0)));
        Assert.Equal(10_000, Enumerable.Range(0, 10_000).Count(_ => random.Chance(1)));
        Assert.InRange(Enumerable.Range(0, 100_000).Count(_ => random.Chance(0.25)), 24_000, 26_000);
    }

    [Fact]
    public void Filling_takes_whole_words_and_the_rest()
    {
        for (int length = 0; length < 40; length++)
        {
            byte[] filled = new byte[length];
            new Prng(5).Fill(filled);
            Prng words = new(5);
            byte[] expected = new byte[(length + 7) / 8 * 8];
            for (int i = 0; i < expected.Length; i += 8) BitConverter.TryWriteBytes(expected.AsSpan(i), words.NextUInt64());
            Assert.Equal(expected[..length], filled);
        }
    }

    [Fact]
    public void Shuffling_keeps_every_item_and_reaches_every_order()
    {
        Prng random = new(6);
        HashSet<string> orders = [];
        for (int i = 0; i < 500; i++)
        {
            char[] items = ['a', 'b', 'c', 'd'];
            random.Shuffle<char>(items);
            Assert.Equal("abcd", new string([.. items.Order()]));
            orders.Add(new string(items));
        }

        Assert.Equal(24, orders.Count);
    }

    [Fact]
    public void A_fork_does_not_depend_on_what_its_parent_draws_later()
    {
        Prng parent = new(9), same = new(9);
        Prng child = parent.Fork();
        parent.NextUInt64();
        Prng sibling = same.Fork();
        for (int i = 0; i < 10; i++) Assert.Equal(child.NextUInt64(), sibling.NextUInt64());
    }
}
