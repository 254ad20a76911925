using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using NoriKV.Cluster.Bench.Clusters;

namespace NoriKV.Cluster.Bench.Load;

/// <summary>
/// Runs h2load with a number of requests that takes about the wanted time. It counts answers, not what they say, so each
/// run is checked: by the key's version after writes, by the bytes that came back after reads.
/// </summary>
internal sealed partial class H2Load(string directory)
{
    public async Task<Measured> RunAsync(
        PeerCluster cluster, bool isPut, int inFlight, TimeSpan time, CancellationToken cancellationToken)
    {
        string leader = await cluster.LeaderAsync(cancellationToken);
        string frame = Path.Combine(directory, isPut ? "put.frame" : "get.frame");
        if (!File.Exists(frame)) await File.WriteAllBytesAsync(frame, isPut ? Payload.Put() : Payload.Get(), cancellationToken);
        string url = $"http://{leader}{(isPut ? cluster.Methods.Put : cluster.Methods.Get)}";

        // So many that they take a quarter of the time, as far as a first few hundred tell.
        string probe = await RunAsync(url, frame, inFlight, Math.Max(200, 8 * inFlight), cancellationToken);
        int some = Math.Max(200, (int)(Rate(probe) * time.TotalSeconds / 4));
        int count = Math.Max(200, (int)(Rate(await RunAsync(url, frame, inFlight, some, cancellationToken)) * time.TotalSeconds));

        long writes = isPut ? await cluster.WritesAsync(cancellationToken) : 0;
        TimeSpan nodes = cluster.ProcessorTime, load = ChildrenTime();
        string text = await RunAsync(url, frame, inFlight, count, cancellationToken);
        (nodes, load) = (cluster.ProcessorTime - nodes, ChildrenTime() - load);
        await CheckAsync(cluster, text, isPut, count, writes, cancellationToken);
        return new Measured(
            Rate(text), MeanMs(text), double.NaN, nodes.TotalMicroseconds / count, load.TotalMicroseconds / count);
    }

    private static async Task CheckAsync(
        PeerCluster cluster, string text, bool isPut, int count, long writesBefore, CancellationToken cancellationToken)
    {
        if (!text.Contains($"{count} succeeded, 0 failed, 0 errored", StringComparison.Ordinal))
            throw new InvalidOperationException($"{cluster.Name}: not every request was answered:\n{text}");
        if (isPut)
        {
            long written = await cluster.WritesAsync(cancellationToken) - writesBefore;
            if (written < count) throw new InvalidOperationException($"{cluster.Name}: {written} writes of {count} happened");
            return;
        }

        long bytes = long.Parse(DataBytes().Match(text).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        if (bytes < (long)count * Payload.ValueBytes)
            throw new InvalidOperationException($"{cluster.Name}: {bytes} bytes came back for {count} reads");
    }

    private static async Task<string> RunAsync(string url, string frame, int inFlight, int count, CancellationToken cancellationToken)
    {
        int clients = Math.Min(4, inFlight);
        var info = new ProcessStartInfo(
            "h2load",
            [
                "-n", Text(count), "-c", Text(clients), "-m", Text(inFlight / clients), "-t", "1", "-d", frame,
                "-H", "content-type: application/grpc", "-H", "te: trailers", url,
            ])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(info)!;
        try
        {
            string text = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return text;
        }
        finally
        {
            if (!process.HasExited) process.Kill();
            process.WaitForExit();
        }
    }

    // Processor time of children that have ended: fields 16 and 17 of the process, in hundredths of a second.
    private static TimeSpan ChildrenTime()
    {
        string stat = File.ReadAllText("/proc/self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromMilliseconds(10 * (Number(fields[13]) + Number(fields[14])));
    }

    private static double Rate(string text) => Number(RatePattern().Match(text).Groups[1].Value);

    private static double MeanMs(string text)
    {
        Match mean = MeanPattern().Match(text);
        return Number(mean.Groups[1].Value) * mean.Groups[2].Value switch { "us" => 0.001, "ms" => 1, _ => 1000 };
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"finished in [^,]+, ([\d.]+) req/s")]
    private static partial Regex RatePattern();

    // min, max, mean, deviation
    [GeneratedRegex(@"time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)")]
    private static partial Regex MeanPattern();

    [GeneratedRegex(@"traffic: .*\((\d+)\) data")]
    private static partial Regex DataBytes();
}
