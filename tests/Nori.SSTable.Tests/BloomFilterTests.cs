using Nori.Core;
using Nori.SSTable.Filter;

namespace Nori.SSTable.Tests;

public sealed class BloomFilterTests
{
    [Theory]
    [InlineData(10, 100, 0.015)]
    [InlineData(10, 10_000, 0.0115)]
    [InlineData(10, 300_000, 0.0105)]
    [InlineData(5, 100_000, 0.115)]
    [InlineData(16, 100_000, 0.0025)]
    public void False_positives_stay_in_their_bound(int bitsPerKey, int keys, double bound)
    {
        byte[] filter = BloomFilter.Build(Hashes(0, keys), bitsPerKey);
        Assert.Null(BloomFilter.Validate(filter));
        foreach (ulong hash in Hashes(0, keys)) Assert.True(BloomFilter.MayContain(filter, hash));
        const int probes = 400_000;
        int hits = 0;
        foreach (ulong hash in Hashes(1_000_000_000, probes))
            hits += BloomFilter.MayContain(filter, hash) ? 1 : 0;
        double rate = (double)hits / probes;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{bitsPerKey} bits, {keys} keys: {rate:p3} false positives");
        Assert.InRange(rate, 0, bound);
    }

    [Fact]
    public void A_filter_is_about_as_large_as_its_bits()
    {
        byte[] filter = BloomFilter.Build(Hashes(0, 100_000), 10);
        Assert.InRange(filter.Length, 125_000, 125_000 + 64 + 8);
    }

    [Fact]
    public void Damaged_headers_are_refused()
    {
        byte[] good = BloomFilter.Build(Hashes(0, 100), 10);
        Assert.NotNull(BloomFilter.Validate([]));
        Assert.NotNull(BloomFilter.Validate(good.AsSpan(0, good.Length - 1)));
        for (int i = 0; i < BloomFilter.HeaderBytes; i++)
        {
            byte[] bad = (byte[])good.Clone();
            bad[i] = 0xEE;
            Assert.NotNull(BloomFilter.Validate(bad));
        }
    }

    private static ulong[] Hashes(int first, int count) =>
        [.. Enumerable.Range(first, count).Select(i => XxHash64.Hash(BitConverter.GetBytes(i)))];
}
