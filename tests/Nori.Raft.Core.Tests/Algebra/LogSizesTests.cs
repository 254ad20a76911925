using Nori.Core;

namespace Nori.Raft.Core.Tests.Algebra;

public sealed class LogSizesTests
{
    [Fact]
    public void Sums_are_right_to_within_a_mark()
    {
        Prng random = new(3);
        LogSizes sizes = new(default, default, 0);
        List<long> bytes = [];
        for (int i = 0; i < 3000; i++)
        {
            bytes.Add(random.Chance(0.05) ? random.NextInt(100_000) : random.NextInt(500));
            sizes.Append(new LogIndex((ulong)bytes.Count), bytes[^1]);
        }

        for (int run = 0; run < 500; run++)
        {
            int from = random.NextInt(bytes.Count), to = random.NextInt(from, bytes.Count);
            long exact = bytes.Skip(from).Take(to - from).Sum();
            long told = sizes.Between(new LogIndex((ulong)from), new LogIndex((ulong)to));
            Assert.InRange(told, exact - (2 * LogSizes.MarkBytes), exact + (2 * LogSizes.MarkBytes));
        }
    }

    [Fact]
    public void A_large_entry_is_known_exactly_and_travels_alone()
    {
        LogSizes sizes = new(default, default, 0);
        sizes.Append(new LogIndex(1), 100);
        sizes.Append(new LogIndex(2), 5_000_000);
        sizes.Append(new LogIndex(3), 100);
        Assert.Equal(5_000_000, sizes.Between(new LogIndex(1), new LogIndex(2)));
        Assert.Equal(new LogIndex(1), sizes.Fit(new LogIndex(1), new LogIndex(3), 1_000_000));
        Assert.Equal(new LogIndex(2), sizes.Fit(new LogIndex(2), new LogIndex(3), 1_000_000));
        Assert.Equal(new LogIndex(3), sizes.Fit(new LogIndex(3), new LogIndex(3), 10));
    }

    [Fact]
    public void Cutting_either_end_keeps_the_rest()
    {
        LogSizes sizes = new(default, default, 0);
        for (ulong i = 1; i <= 100; i++) sizes.Append(new LogIndex(i), 10_000);
        sizes.TruncatePrefix(new LogIndex(30));
        sizes.TruncateSuffix(new LogIndex(81));
        Assert.Equal(500_000, sizes.Between(new LogIndex(30), new LogIndex(80)));
        sizes.Append(new LogIndex(81), 7);
        Assert.Equal(500_007, sizes.Between(new LogIndex(30), new LogIndex(81)));
        sizes.TruncateSuffix(new LogIndex(31));
        Assert.Equal(0, sizes.Between(new LogIndex(30), new LogIndex(30)));
        sizes.Append(new LogIndex(31), 9);
        Assert.Equal(9, sizes.Between(new LogIndex(30), new LogIndex(31)));
    }
}
