using Nori.Core;
using NoriKV.Cli.Bench;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Tests;

public sealed class BenchTests
{
    [Fact]
    public void Quantiles_are_within_a_thousandth_of_the_exact_ones()
    {
        var random = new Prng(17);
        var histogram = new LatencyHistogram();
        var values = new List<long>();
        for (int i = 0; i < 50_000; i++)
        {
            long value = random.NextLong(1L << random.NextInt(1, 40));
            values.Add(value);
            histogram.Record(value);
        }

        values.Sort();
        foreach (double quantile in new[] { 0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1 })
        {
            long exact = values[(int)Math.Ceiling(quantile * values.Count) - 1];
            Assert.InRange(histogram.Quantile(quantile), exact, exact * 1.001 + 1);
        }

        Assert.Equal(values[^1], histogram.Max);
        Assert.Equal(values.Average(), histogram.Mean, 1.0);
    }

    [Fact]
    public void Every_value_has_its_bucket()
    {
        for (int bit = 0; bit < 40; bit++)
        {
            foreach (long value in new[] { 1L << bit, (1L << bit) - 1, (1L << bit) + 1 })
            {
                var histogram = new LatencyHistogram();
                histogram.Record(value);
                Assert.Equal(value, histogram.Quantile(0.5));
            }
        }

        var beyond = new LatencyHistogram();
        beyond.Record(long.MaxValue);
        Assert.Equal(LatencyHistogram.ValueMax, beyond.Quantile(1));
    }

    [Fact]
    public void Zipfian_ranks_follow_their_law()
    {
        const int Keys = 1000, Draws = 200_000;
        var keys = new KeyChooser(KeyDistribution.Zipfian, Keys);
        var random = new Prng(23);
        int[] seen = new int[Keys];
        for (int i = 0; i < Draws; i++) seen[keys.Rank(random.NextDouble())]++;
        double zeta = Enumerable.Range(1, Keys).Sum(i => 1 / Math.Pow(i, 0.99));
        Assert.InRange(seen[0], 0.97 * Draws / zeta, 1.03 * Draws / zeta);
        Assert.InRange(seen[1], 0.95 * Draws / zeta / Math.Pow(2, 0.99), 1.05 * Draws / zeta / Math.Pow(2, 0.99));
        double expected = Enumerable.Range(1, 100).Sum(i => 1 / Math.Pow(i, 0.99)) / zeta;
        Assert.Equal(expected, seen.Take(100).Sum() / (double)Draws, 0.02);
    }

    [Theory]
    [InlineData("Uniform")]
    [InlineData("Zipfian")]
    [InlineData("Sequential")]
    public void Keys_stay_in_their_space(string distribution)
    {
        var keys = new KeyChooser(Enum.Parse<KeyDistribution>(distribution), 10);
        var random = new Prng(29);
        var seen = new HashSet<long>();
        for (int i = 0; i < 10_000; i++)
        {
            long key = keys.Next(random);
            Assert.InRange(key, 0, 9);
            seen.Add(key);
        }

        Assert.True(seen.Count >= 5);
    }

    [Fact]
    public async Task A_stall_shows_in_every_operation_it_delayed()
    {
        // One operation stalls for 300 ms with one worker at 1,000 a second: about 300 were due meanwhile.
        var store = new MemoryNoriKV();
        int calls = 0;
        store.OnGet = () => Interlocked.Increment(ref calls) == 50
            ? Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, default)
            : Task.CompletedTask;
        var options = new BenchOptions
        {
            Reads = 1,
            Rate = 1000,
            Concurrency = 1,
            WarmUp = TimeSpan.Zero,
            Duration = TimeSpan.FromMilliseconds(800),
        };
        BenchReport report = await new BenchEngine(store, options, TimeProvider.System).RunAsync(default);
        Assert.Equal(800, report.All.Count);
        // In a closed loop only one in 800 would be slow, and p90 below a millisecond.
        Assert.True(report.All.Quantile(0.9) > 100_000_000, $"p90 was {report.All.Quantile(0.9)} ns");
    }

    [Fact]
    public async Task The_load_writes_every_key_once()
    {
        var store = new MemoryNoriKV();
        var options = new BenchOptions { Keys = 1000, KeyBytes = 20, ValueBytesMin = 1, ValueBytesMax = 50 };
        await new BenchEngine(store, options, TimeProvider.System).LoadAsync(default);
        Assert.Equal(1000, store.Count);
    }

    [Theory]
    [InlineData("put=100", KvCode.InvalidArgument, 1)]
    [InlineData("get=50,put=50", KvCode.InvalidArgument, 1)]
    [InlineData("put=100", KvCode.Unavailable, 3)]
    public async Task A_kind_of_operation_that_never_succeeds_fails_the_run(string mix, KvCode code, int exit)
    {
        using var cli = new CliRunner();
        cli.Store.OnPut = _ => throw NoriKVException.From(new KvError(code, "why it was refused"));
        cli.Store.OnGet = static async () => await Task.Yield();
        string[] line =
        [
            "bench", "--mix", mix, "--duration", "500ms", "--warmup", "0s", "--concurrency", "1", "--sync-dir", cli.Folder,
        ];
        Assert.Equal(exit, await cli.RunAsync(line));
        Assert.Contains("the first: why it was refused", cli.Output);
        cli.Store.OnPut = null;
        Assert.Equal(0, await cli.RunAsync(line));
    }
}
