using NoriKV.Cli.Console;

namespace NoriKV.Cli.Tests;

public sealed class ConsoleTests
{
    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("10s", 10_000)]
    [InlineData("2", 2000)]
    [InlineData("1.5m", 90_000)]
    [InlineData("2h", 7_200_000)]
    [InlineData("7d", 604_800_000)]
    public void Durations_are_read(string text, double ms)
    {
        Assert.True(Durations.TryParse(text, out TimeSpan span));
        Assert.Equal(ms, span.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("soon")]
    [InlineData("10 s")]
    [InlineData("-1s")]
    [InlineData("5y")]
    public void Other_words_are_no_durations(string text) => Assert.False(Durations.TryParse(text, out _));

    [Theory]
    [InlineData("100", 100)]
    [InlineData("4k", 4096)]
    [InlineData("1M", 1 << 20)]
    public void Sizes_are_read(string text, int bytes)
    {
        Assert.True(Durations.TryParseBytes(text, out int read));
        Assert.Equal(bytes, read);
    }

    [Fact]
    public void Progress_shows_part_rate_and_time_left()
    {
        var host = new CliHost { Input = Stream.Null, Output = Stream.Null, Error = TextWriter.Null, ErrorIsTerminal = true };
        var progress = new ProgressLine(host, "imported", quiet: false);
        string line = progress.Render(2_000, 0.25, TimeSpan.FromSeconds(2));
        Assert.Equal("[######..................]  25 %  imported 2,000 records  1,000/s  6.0 s left", line);
        Assert.Contains("2,000/s", progress.Render(6_000, 0.75, TimeSpan.FromSeconds(4)));
    }
}
