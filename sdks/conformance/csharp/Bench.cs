using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using NoriKV.Client;

namespace NoriKV.Conformance;

/// <summary>Throughput, latency and CPU of puts and gets against the node of NORIKV_ADDR: see ../bench.py.</summary>
internal sealed class Bench
{
    private const int Keys = 10_000;

    private readonly NoriKVClient _client;
    private readonly byte[][] _keys =
        [.. Enumerable.Range(0, Keys).Select(i => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"bench-{i:D10}")))];

    private Bench(NoriKVClient client) => _client = client;

    public static async Task RunAsync(TimeSpan length, TimeSpan warmUp)
    {
        await using NoriKVClient client = NoriKVClient.Connect(new NoriKVClientOptions
        {
            Addresses = Environment.GetEnvironmentVariable("NORIKV_ADDR")!.Split(','),
        });
        var bench = new Bench(client);
        foreach (int size in (int[])[100, 100, 1024])
        {
            byte[] value = new byte[size];
            Array.Fill(value, (byte)'v');
            await Task.WhenAll(Enumerable.Range(0, 64).Select(worker => bench.LoadAsync(worker, value)));
            foreach (int concurrency in (int[])[64, 1])
            {
                foreach (string operation in (string[])["put", "get"])
                {
                    await bench.MeasureAsync(operation, value, concurrency, warmUp);
                    Console.WriteLine((await bench.MeasureAsync(operation, value, concurrency, length)).ToJsonString());
                }
            }
        }
    }

    private async Task LoadAsync(int worker, byte[] value)
    {
        for (int i = worker; i < Keys; i += 64) await _client.PutAsync(_keys[i], value);
    }

    private async Task<JsonObject> MeasureAsync(string operation, byte[] value, int concurrency, TimeSpan length)
    {
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long begun = Stopwatch.GetTimestamp();
        long end = begun + (long)(length.TotalSeconds * Stopwatch.Frequency);
        List<long>[] each = await Task.WhenAll(Enumerable.Range(0, concurrency).Select(worker => operation == "put"
            ? PutAsync(worker * Keys / concurrency, value, end)
            : GetAsync(worker * Keys / concurrency, value.Length, end)));
        TimeSpan took = Stopwatch.GetElapsedTime(begun);
        cpu = Environment.CpuUsage.TotalTime - cpu;
        long[] ticks = [.. each.SelectMany(t => t).Order()];
        return new JsonObject
        {
            ["operation"] = operation,
            ["value_bytes"] = value.Length,
            ["concurrency"] = concurrency,
            ["operations"] = ticks.Length,
            ["seconds"] = took.TotalSeconds,
            ["p50_us"] = ticks[ticks.Length / 2] * 1e6 / Stopwatch.Frequency,
            ["p99_us"] = ticks[ticks.Length * 99 / 100] * 1e6 / Stopwatch.Frequency,
            ["cpu_us"] = cpu.TotalMicroseconds / ticks.Length,
        };
    }

    private async Task<List<long>> PutAsync(int next, byte[] value, long end)
    {
        List<long> ticks = [];
        for (long before = Stopwatch.GetTimestamp(), after; before < end; before = after)
        {
            await _client.PutAsync(_keys[next++ % Keys], value);
            after = Stopwatch.GetTimestamp();
            ticks.Add(after - before);
        }

        return ticks;
    }

    private async Task<List<long>> GetAsync(int next, int size, long end)
    {
        List<long> ticks = [];
        for (long before = Stopwatch.GetTimestamp(), after; before < end; before = after)
        {
            if ((await _client.GetAsync(_keys[next++ % Keys])).Value.Length != size)
                throw new InvalidDataException("not the value that was put");
            after = Stopwatch.GetTimestamp();
            ticks.Add(after - before);
        }

        return ticks;
    }
}
