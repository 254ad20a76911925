using System.Globalization;
using System.Text;
using System.Text.Json;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Bench;

/// <summary>A report as a table for people or as JSON.</summary>
internal static class BenchPrinter
{
    private static readonly (string Name, double Quantile)[] Quantiles =
        [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

    public static string Text(BenchReport report, BenchOptions options, LatencyHistogram sync, string syncDirectory)
    {
        var text = new StringBuilder();
        text.Append(Invariant($"{report.Throughput:N0} operations/s over {report.Took.TotalSeconds:0.0} s, "))
            .Append(Invariant($"{options.Concurrency} at once, "))
            .Append(Invariant($"client {report.ProcessorMicrosecondsPerOperation:0.0} us CPU/op\n"))
            .Append(options.Rate > 0
                ? Invariant($"rate {options.Rate:N0}/s: latency counts from when an operation was due\n")
                : "no rate: each worker waits for its answer; latency is that of the answer\n")
            .Append("\n              count      mean       p50       p95       p99     p99.9       max\n");
        foreach ((OperationKind kind, LatencyHistogram latency) in report.Latencies)
        {
            if (latency.Count > 0) Row(text, kind.ToString().ToLowerInvariant(), latency);
        }

        Row(text, "all", report.All);
        Row(text, "disk sync", sync);
        text.Append(Invariant($"\ndisk sync: 4 KiB written and fdatasync'ed in {syncDirectory}, one at a time: "))
            .Append(Invariant($"{(sync.Mean > 0 ? 1e9 / sync.Mean : 0):N0}/s\n"));
        foreach ((string error, long count) in report.Errors) text.Append(Invariant($"errors: {error} {count:N0}\n"));
        if (report.FirstFailure is { } first) text.Append(Invariant($"the first: {first.Message}\n"));
        return text.ToString();
    }

    public static string Json(BenchReport report, BenchOptions options, LatencyHistogram sync, string syncDirectory) =>
        JsonOutput.Line(w =>
        {
            w.WriteNumber("operations_per_second", Math.Round(report.Throughput, 1));
            w.WriteNumber("seconds", Math.Round(report.Took.TotalSeconds, 3));
            w.WriteNumber("concurrency", options.Concurrency);
            w.WriteNumber("rate", options.Rate);
            w.WriteNumber("client_cpu_microseconds_per_operation", Math.Round(report.ProcessorMicrosecondsPerOperation, 2));
            w.WriteStartObject("latency_microseconds");
            foreach ((OperationKind kind, LatencyHistogram latency) in report.Latencies)
            {
                if (latency.Count > 0) Write(w, kind.ToString().ToLowerInvariant(), latency);
            }

            Write(w, "all", report.All);
            w.WriteEndObject();
            w.WriteString("disk_sync_directory", syncDirectory);
            Write(w, "disk_sync_microseconds", sync);
            w.WriteStartObject("errors");
            foreach ((string error, long count) in report.Errors) w.WriteNumber(error, count);
            w.WriteEndObject();
            if (report.FirstFailure is { } first) w.WriteString("first_error", first.Message);
        });

    private static void Write(Utf8JsonWriter writer, string name, LatencyHistogram latency)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("count", latency.Count);
        writer.WriteNumber("mean", Microseconds((long)latency.Mean));
        foreach ((string label, double quantile) in Quantiles)
            writer.WriteNumber(label, Microseconds(latency.Quantile(quantile)));
        writer.WriteNumber("max", Microseconds(latency.Max));
        writer.WriteEndObject();
    }

    private static double Microseconds(long nanoseconds) => Math.Round(nanoseconds / 1000.0, 1);

    private static void Row(StringBuilder text, string name, LatencyHistogram latency)
    {
        text.Append(Invariant($"{name,-10}{latency.Count,9:N0}")).Append(Cell((long)latency.Mean));
        foreach ((_, double quantile) in Quantiles) text.Append(Cell(latency.Quantile(quantile)));
        text.Append(Cell(latency.Max)).Append('\n');
    }

    private static string Cell(long nanoseconds) => nanoseconds switch
    {
        < 1_000_000 => Invariant($"{nanoseconds / 1e3,7:0.0} us"),
        < 1_000_000_000 => Invariant($"{nanoseconds / 1e6,7:0.00} ms"),
        _ => Invariant($"{nanoseconds / 1e9,8:0.00} s"),
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
