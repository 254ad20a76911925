using System.Globalization;

namespace Nori.Observe.Prometheus.Tests;

public sealed class StandardMetricsTests
{
    private readonly Dictionary<string, double> _values = new PrometheusMeter().Text()
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Where(line => line[0] != '#')
        .ToDictionary(
            line => line[..line.LastIndexOf(' ')],
            line => double.Parse(line[(line.LastIndexOf(' ') + 1)..].Replace("+Inf", "∞", StringComparison.Ordinal),
                CultureInfo.InvariantCulture));

    [Fact]
    public void The_process_tells_its_standard_metrics()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the descriptors are read from Linux's /proc");
        Assert.True(_values["process_cpu_seconds_total"] > 0);
        Assert.InRange(_values["process_resident_memory_bytes"], 1e6, 1e11);
        Assert.True(_values["process_virtual_memory_bytes"] > _values["process_resident_memory_bytes"]);
        Assert.InRange(_values["process_open_fds"], 3, _values["process_max_fds"]);
        double now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        Assert.InRange(_values["process_start_time_seconds"], now - 3600, now);
    }

    [Fact]
    public void Open_descriptors_are_counted_one_by_one()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the descriptors are read from Linux's /proc");
        string file = Path.GetTempFileName();
        List<FileStream> streams = [.. Enumerable.Range(0, 50).Select(_ => File.OpenRead(file))];
        string line = new PrometheusMeter().Text().Split('\n').Single(
            l => l.StartsWith("process_open_fds ", StringComparison.Ordinal));
        streams.ForEach(s => s.Dispose());
        File.Delete(file);
        double now = double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
        Assert.InRange(now - _values["process_open_fds"], 40, 200);
    }

    [Fact]
    public void The_runtime_tells_its_collections_threads_and_exceptions()
    {
        Assert.Equal(1, _values[$"dotnet_info{{version=\"{Environment.Version}\"}}"]);
        GC.Collect();
        try
        {
            throw new InvalidOperationException("counted");
        }
        catch (InvalidOperationException)
        {
        }

        Dictionary<string, double> later = new StandardMetricsTests()._values;
        Assert.True(later["dotnet_gc_collections_total{generation=\"2\"}"] >= 1);
        Assert.True(later["dotnet_exceptions_total"] > _values["dotnet_exceptions_total"]);
        Assert.True(later["dotnet_gc_heap_bytes"] > 0);
        Assert.True(later["dotnet_gc_pause_seconds_total"] > 0);
        Assert.True(later["dotnet_threadpool_threads"] > 0);
        Assert.Contains("dotnet_threadpool_queue_length", later.Keys);
        Assert.Contains("dotnet_monitor_lock_contentions_total", later.Keys);
    }
}
