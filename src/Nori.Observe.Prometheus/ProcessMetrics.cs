using System.Diagnostics;
using System.Globalization;

namespace Nori.Observe.Prometheus;

/// <summary>
/// The <c>process_*</c> metrics that every Prometheus client library has:
/// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics.
/// </summary>
internal static class ProcessMetrics
{
    public static void Register(PrometheusMeter meter)
    {
        void Gauge(string name, string help, Func<double> read) =>
            meter.Replace(name, help, MetricKind.Gauge, SeriesLabels.None, new ObservedGauge(read));

        meter.Replace(
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            MetricKind.Counter,
            SeriesLabels.None,
            new ObservedGauge(() => Environment.CpuUsage.TotalTime.TotalSeconds));
        double started = StartTime();
        Gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", () => started);
        Gauge("process_resident_memory_bytes", "Resident memory size in bytes.", () => Environment.WorkingSet);
        if (!OperatingSystem.IsLinux()) return;

        Gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", VirtualBytes);
        Gauge("process_open_fds", "Number of open file descriptors.", OpenDescriptors);
        Gauge("process_max_fds", "Maximum number of open file descriptors.", DescriptorsMax);
    }

    private static double StartTime()
    {
        using Process self = Process.GetCurrentProcess();
        return new DateTimeOffset(self.StartTime).ToUnixTimeMilliseconds() / 1000.0;
    }

    private static double VirtualBytes()
    {
        string pages = File.ReadAllText("/proc/self/statm").Split(' ')[0];
        return double.Parse(pages, CultureInfo.InvariantCulture) * Environment.SystemPageSize;
    }

    // The one that lists them is open while it does.
    private static double OpenDescriptors() => Directory.EnumerateFileSystemEntries("/proc/self/fd").Count() - 1;

    private static double DescriptorsMax()
    {
        const string Title = "Max open files";
        string line = File.ReadLines("/proc/self/limits").First(l => l.StartsWith(Title, StringComparison.Ordinal));
        string soft = line[Title.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return soft == "unlimited" ? double.PositiveInfinity : double.Parse(soft, CultureInfo.InvariantCulture);
    }
}
