using System.Diagnostics;

namespace Nori.Observe.Prometheus.Tests;

/// <summary>Prometheus's own linter has nothing to say about what we write.</summary>
public sealed class PromtoolTests
{
    [Fact]
    public async Task Promtool_check_metrics_prints_nothing()
    {
        string promtool = Require("promtool", "prometheus");
        PrometheusMeter meter = new();
        meter.Counter(
            "kv_requests_total", "Requests answered.", new Label("operation", "get"), new Label("status", "ok")).Add();
        meter.Histogram("kv_request_duration_seconds", "Time to answer.", Buckets.Latency, new Label("operation", "get"))
            .Record(0.001);
        meter.Gauge("lsm_memtable_bytes", "Bytes in memtables: \"all\" of them\\\n.").Set(5);
        meter.ObservableCounter("swim_flaps_total", "Members that came and went.", () => 3);

        ProcessStartInfo start = new(promtool, ["check", "metrics"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync(meter.Text());
        process.StandardInput.Close();
        string printed = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(string.Empty, printed + await errors);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }

    private static string Require(string program, string package)
    {
        string? found = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);
        if (found is not null) return found;
        string reason = $"needs {program}: sudo apt-get install -y --no-install-recommends {package}";
        bool mustHave = Environment.GetEnvironmentVariable("CI") == "true" || Environment.IsPrivilegedProcess;
        if (mustHave) Assert.Fail(reason);
        Assert.Skip(reason);
        return string.Empty;
    }
}
