using Nori.Core;

namespace Nori.Grpc.Tests;

public sealed class GrpcTimeoutTests
{
    [Theory]
    [InlineData("0n", 0)]
    [InlineData("1n", 1)]
    [InlineData("100n", 1)]
    [InlineData("101n", 2)]
    [InlineData("1u", 10)]
    [InlineData("1m", 10_000)]
    [InlineData("1S", 10_000_000)]
    [InlineData("1M", 600_000_000)]
    [InlineData("1H", 36_000_000_000)]
    [InlineData("99999999H", 99_999_999L * 36_000_000_000)]
    [InlineData("00000005S", 50_000_000)]
    public void Every_unit_is_parsed(string text, long ticks)
    {
        Assert.True(GrpcTimeout.TryParse(text, out TimeSpan timeout));
        Assert.Equal(ticks, timeout.Ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("1h")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData(" 1S")]
    [InlineData("1.5S")]
    [InlineData("1 S")]
    [InlineData("123456789S")]
    public void Other_forms_are_refused(string text) => Assert.False(GrpcTimeout.TryParse(text, out _));

    [Theory]
    [InlineData(-5, "0n")]
    [InlineData(0, "0n")]
    [InlineData(1, "1u")]
    [InlineData(10_000_000, "1000000u")]
    [InlineData(1_000_000_000, "100000m")]
    [InlineData(36_000_000_000_000, "3600000S")]
    public void Formatting_takes_the_finest_unit_that_fits(long ticks, string expected) =>
        Assert.Equal(expected, GrpcTimeout.Format(TimeSpan.FromTicks(ticks)));

    [Fact]
    public void A_formatted_timeout_is_never_shorter_and_hardly_longer()
    {
        for (ulong seed = 1; seed <= 5000; seed++)
        {
            var prng = new Prng(seed);
            var timeout = TimeSpan.FromTicks((long)(prng.NextUInt64() >> (int)(1 + (prng.NextUInt64() % 62))));
            string text = GrpcTimeout.Format(timeout);
            Assert.True(GrpcTimeout.TryParse(text, out TimeSpan parsed), $"seed {seed}: {text}");
            if (timeout > TimeSpan.FromHours(99_999_999)) continue;
            Assert.True(parsed >= timeout, $"seed {seed}: {text}");
            Assert.True(parsed - timeout <= TimeSpan.FromTicks(10 + (timeout.Ticks / 100_000)), $"seed {seed}: {text}");
        }
    }
}
