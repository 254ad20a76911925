namespace Nori.Observe.Prometheus.Tests;

public sealed class ConcurrencyTests
{
    [Fact]
    public async Task Nothing_is_lost_when_threads_count_at_once()
    {
        PrometheusMeter meter = new(Exposition.Bare);
        Counter counter = meter.Counter("c_total", "c");
        Gauge gauge = meter.Gauge("g", "g");
        Histogram histogram = meter.Histogram("h", "h", new double[] { 1 });
        using CancellationTokenSource stop = new();
        Task scraper = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested) AssertConsistent(meter.Text());
        });
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 50_000; i++)
            {
                counter.Add(2);
                gauge.Add(0.5);
                histogram.Record(i % 2 == 0 ? 0.5 : 2);
            }
        })));
        await stop.CancelAsync();
        await scraper;
        string text = meter.Text();
        Assert.Contains("norikv_c_total 400000\n", text, StringComparison.Ordinal);
        Assert.Contains("norikv_g 100000\n", text, StringComparison.Ordinal);
        Assert.Contains("norikv_h_bucket{le=\"1\"} 100000\n", text, StringComparison.Ordinal);
        Assert.Contains("norikv_h_sum 250000\n", text, StringComparison.Ordinal);
        Assert.Contains("norikv_h_count 200000\n", text, StringComparison.Ordinal);
    }

    private static void AssertConsistent(string text)
    {
        string Value(string name) => text[(text.IndexOf(name, StringComparison.Ordinal) + name.Length)..].Split('\n')[0];
        Assert.Equal(Value("norikv_h_bucket{le=\"+Inf\"} "), Value("norikv_h_count "));
    }
}
