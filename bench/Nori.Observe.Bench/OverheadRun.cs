using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NoriKV.Client;
using NoriKV.Types;

namespace Nori.Observe.Bench;

/// <summary>
/// A node with everything on beside one with everything off, in one process, loaded in turn: what the machine does beside it changes
/// both alike. Ratios are of pairs; the processor's time for an operation says most where the machine is busy.
/// </summary>
internal static class OverheadRun
{
    // Two servers of one process differ by some per cent whatever they tell of themselves: only many of them even that out.
    private const int Rounds = 10;
    private const int InFlight = 64;
    private const int Keys = 10_000;
    private const int ValueBytes = 128;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static async Task<int> RunAsync(ObserveOptions options)
    {
        DateTime began = DateTime.UtcNow;
        string load = Load();
        Console.WriteLine($"commit {options.Commit}, {Environment.ProcessorCount} cores, load {load} at the start");
        IReadOnlyList<HotPathRow> hot = options.Wants("hot") ? QuickRun.Run() : [];
        bool isMet = hot.Count == 0 || QuickRun.Print(hot);
        var rows = new List<OverheadRow>();
        try
        {
            if (options.Wants("put")) rows.Add(await PairAsync("put, disk", options, onDisk: true, reads: false));
            if (options.Wants("put")) rows.Add(await PairAsync("put, memory", options, onDisk: false, reads: false));
            if (options.Wants("get")) rows.Add(await PairAsync("get", options, onDisk: false, reads: true));
        }
        finally
        {
            if (Directory.Exists(options.Directory)) Directory.Delete(options.Directory, recursive: true);
        }

        if (options.Json is { } path) Write(path, options, began, load, hot, rows);
        return isMet ? 0 : 1;
    }

    private static async Task<OverheadRow> PairAsync(string name, ObserveOptions options, bool onDisk, bool reads)
    {
        var pairs = new List<Pair>();
        for (int round = 0; round < Rounds; round++)
        {
            // Two servers of one process are never quite alike: which one came first is changed with each round.
            string? home = onDisk ? Path.Combine(options.Directory, $"{round}") : null;
            await using Side first = await StartAsync(isOn: round % 2 == 0, home);
            await using Side second = await StartAsync(isOn: round % 2 != 0, home);
            (Side with, Side without) = round % 2 == 0 ? (first, second) : (second, first);
            foreach (Side side in new[] { first, second })
            {
                await FillAsync(side.Client);
                await LoadAsync(side.Client, reads, Math.Max(options.Seconds, 2), 0);
            }

            int count = (options.Pairs + Rounds - 1 - round) / Rounds;
            for (int i = 0; i < count; i++)
                pairs.Add(await OneAsync(round, with, without, onFirst: (round + i) % 2 == 0, reads, options.Seconds, (ulong)i));
        }

        var row = new OverheadRow(name, pairs);
        Console.WriteLine(Text(row));
        return row;
    }

    private static Task<Side> StartAsync(bool isOn, string? home)
    {
        string? directory = home is null ? null : Path.Combine(home, isOn ? "on" : "off");
        if (directory is not null) Directory.CreateDirectory(directory);
        return Side.StartAsync(isOn, directory);
    }

    private static async Task<Pair> OneAsync(
        int round, Side with, Side without, bool onFirst, bool reads, double seconds, ulong seed)
    {
        (double PerSecond, double Microseconds) first = await LoadAsync((onFirst ? with : without).Client, reads, seconds, seed);
        (double PerSecond, double Microseconds) second = await LoadAsync((onFirst ? without : with).Client, reads, seconds, seed);
        (var a, var b) = onFirst ? (first, second) : (second, first);
        return new Pair(round, a.PerSecond, b.PerSecond, a.Microseconds, b.Microseconds);
    }

    private static async Task FillAsync(NoriKVClient client)
    {
        byte[] value = new byte[ValueBytes];
        for (int from = 0; from < Keys; from += 500)
        {
            await Task.WhenAll(Enumerable.Range(from, 500).Select(
                i => client.PutAsync(Key(i), value, new PutOptions(), CancellationToken.None).AsTask()));
        }
    }

    private static async Task<(double PerSecond, double Microseconds)> LoadAsync(
        NoriKVClient client, bool reads, double seconds, ulong seed)
    {
        GC.Collect();
        using Process self = Process.GetCurrentProcess();
        TimeSpan before = self.TotalProcessorTime;
        long began = Stopwatch.GetTimestamp(), end = began + (long)(seconds * Stopwatch.Frequency);
        long[] done = await Task.WhenAll(Enumerable.Range(0, InFlight).Select(
            n => Task.Run(() => CallAsync(client, reads, end, new Random((int)seed * InFlight + n)))));
        double took = Stopwatch.GetElapsedTime(began).TotalSeconds;
        self.Refresh();
        return (done.Sum() / took, (self.TotalProcessorTime - before).TotalMicroseconds / done.Sum());
    }

    private static async Task<long> CallAsync(NoriKVClient client, bool reads, long end, Random random)
    {
        byte[] value = new byte[ValueBytes];
        random.NextBytes(value);
        long done = 0;
        for (; Stopwatch.GetTimestamp() < end; done++)
        {
            byte[] key = Key(random.Next(Keys));
            if (reads) await client.GetAsync(key, ReadOptions.Default, CancellationToken.None);
            else await client.PutAsync(key, value, new PutOptions(), CancellationToken.None);
        }

        return done;
    }

    private static byte[] Key(int number) => System.Text.Encoding.ASCII.GetBytes($"key-{number:D8}");

    private static string Text(OverheadRow row)
    {
        (double low, double median, double high) = OverheadRow.Spread(row.Pairs.Select(static p => p.Throughput));
        (double cpuLow, double cpu, double cpuHigh) = OverheadRow.Spread(row.Pairs.Select(static p => p.Processor));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{row.Name,-12} on {row.Pairs.Average(static p => p.OnPerSecond),9:N0}/s  "
            + $"off {row.Pairs.Average(static p => p.OffPerSecond),9:N0}/s  "
            + $"throughput on/off {median:F3} ± {row.StandardError:F3} ({low:F3} to {high:F3})  "
            + $"processor on/off {cpu:F3} ({cpuLow:F3} to {cpuHigh:F3})  "
            + $"{row.Pairs.Average(static p => p.OnMicroseconds):F1} and {row.Pairs.Average(static p => p.OffMicroseconds):F1} µs each");
    }

    private static string Load() =>
        File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";

    private static void Write(
        string path, ObserveOptions options, DateTime began, string load, IReadOnlyList<HotPathRow> hot, IReadOnlyList<OverheadRow> rows)
    {
        var json = new JsonObject
        {
            ["date"] = began.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            ["commit"] = options.Commit,
            ["cores"] = Environment.ProcessorCount,
            ["load"] = load,
            ["hotPaths"] = new JsonArray([.. hot.Select(static r => (JsonNode)new JsonObject
            {
                ["operation"] = r.Name,
                ["nanoseconds"] = r.Alone,
                ["nanosecondsTogether"] = r.Together,
                ["bytes"] = r.Bytes,
                ["budget"] = r.Budget,
            })]),
            ["overhead"] = new JsonArray([.. rows.Select(static row =>
            {
                (double low, double median, double high) = OverheadRow.Spread(row.Pairs.Select(static p => p.Throughput));
                (double cpuLow, double cpu, double cpuHigh) = OverheadRow.Spread(row.Pairs.Select(static p => p.Processor));
                return (JsonNode)new JsonObject
                {
                    ["workload"] = row.Name,
                    ["pairs"] = row.Pairs.Count,
                    ["onPerSecond"] = row.Pairs.Average(static p => p.OnPerSecond),
                    ["offPerSecond"] = row.Pairs.Average(static p => p.OffPerSecond),
                    ["throughputRatio"] = median,
                    ["throughputRatioError"] = row.StandardError,
                    ["throughputRatioQuartiles"] = new JsonArray(low, high),
                    ["onMicroseconds"] = row.Pairs.Average(static p => p.OnMicroseconds),
                    ["offMicroseconds"] = row.Pairs.Average(static p => p.OffMicroseconds),
                    ["processorRatio"] = cpu,
                    ["processorRatioQuartiles"] = new JsonArray(cpuLow, cpuHigh),
                };
            })]),
        };
        File.WriteAllText(path, json.ToJsonString(Indented) + "\n");
    }
}
