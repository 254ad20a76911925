using System.Diagnostics;

namespace Nori.Observe.Prometheus.Tests;

/// <summary>Prometheus's own linter and parser agree with what we write.</summary>
public sealed class ReferenceToolTests
{
    private const string ReadOpenMetrics = """
        import sys
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
        for family in parse(sys.stdin.read()):
            if family.name.startswith("norikv_"):
                print(family.name, family.type, repr(family.documentation), len(family.samples),
                      [s.exemplar.value for s in family.samples if s.exemplar])
        """;

    [Fact]
    public async Task Promtool_check_metrics_prints_nothing()
    {
        string promtool = Require("promtool", "prometheus");
        Assert.Equal(string.Empty, await Run(promtool, ["check", "metrics"], Filled().Text()));
    }

    [Fact]
    public async Task The_reference_parser_reads_our_open_metrics()
    {
        string python = Require("/usr/bin/python3", "python3");
        Require("/usr/lib/python3/dist-packages/prometheus_client", "python3-prometheus-client");
        Assert.Equal(
            """
            norikv_kv_request_duration_seconds histogram 'Time to answer.' 20 [0.001]
            norikv_kv_requests counter 'Requests answered.' 1 []
            norikv_lsm_memtable_bytes gauge 'Bytes in memtables: "all" of them\\\n.' 1 []
            norikv_swim_flaps counter 'Members that came and went.' 1 []

            """.ReplaceLineEndings("\n"),
            await Run(python, ["-c", ReadOpenMetrics], Filled().Text(ExpositionFormat.OpenMetrics)));
    }

    private static PrometheusMeter Filled()
    {
        PrometheusMeter meter = new();
        meter.Counter(
            "kv_requests_total", "Requests answered.", new Label("operation", "get"), new Label("status", "ok")).Add();
        meter.Histogram("kv_request_duration_seconds", "Time to answer.", Buckets.Latency, new Label("operation", "get"))
            .Record(0.001, new TraceContext(1, 2, 3, true));
        meter.Gauge("lsm_memtable_bytes", "Bytes in memtables: \"all\" of them\\\n.").Set(5);
        meter.ObservableCounter("swim_flaps_total", "Members that came and went.", () => 3);
        return meter;
    }

    private static async Task<string> Run(string program, string[] arguments, string input)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        string printed = await output + await errors;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, printed);
        return printed;
    }

    private static string Require(string program, string package)
    {
        string? found = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(Path.Exists);
        if (found is not null) return found;
        string reason = $"needs {program}: sudo apt-get install -y --no-install-recommends {package}";
        bool mustHave = Environment.GetEnvironmentVariable("CI") == "true" || Environment.IsPrivilegedProcess;
        if (mustHave) Assert.Fail(reason);
        Assert.Skip(reason);
        return string.Empty;
    }
}
