using System.Diagnostics;
using System.Globalization;
using System.Text;
using NoriKV.Cli.Bench;
using NoriKV.Client;
using NoriKV.Cluster.Bench.Clusters;
using NoriKV.Types;

namespace NoriKV.Cluster.Bench.Load;

/// <summary>The C# client as an application uses it: many callers, one client, a pipelined stream to each node.</summary>
internal sealed class StreamLoad : IAsyncDisposable
{
    public const int InFlight = 1024;

    private const int Values = 1024;

    private readonly NoriCluster _cluster;
    private readonly NoriKVClient _client;
    private readonly byte[][] _keys;
    private readonly byte[][] _values = [.. Enumerable.Range(1, Values).Select(Payload.Value)];

    public StreamLoad(NoriCluster cluster, int keys)
    {
        _cluster = cluster;
        _client = NoriKVClient.Connect(new NoriKVClientOptions { Addresses = cluster.Addresses, InFlightMax = InFlight });
        _keys = [.. Enumerable.Range(0, keys).Select(static i =>
            Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"stream-{i:D9}")))];
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    /// <summary>Writes each key once.</summary>
    public Task FillAsync(CancellationToken cancellationToken) => Task.WhenAll(Enumerable.Range(0, 256).Select(async worker =>
    {
        for (int i = worker; i < _keys.Length; i += 256)
            await _client.PutAsync(_keys[i], _values[i % Values], cancellationToken: cancellationToken);
    }));

    public Task<Measured> PutAsync(int inFlight, TimeSpan time, CancellationToken cancellationToken) =>
        RunAsync(
            inFlight,
            async random =>
            {
                int i = random.Next(_keys.Length);
                await _client.PutAsync(_keys[i], _values[(i + random.Next(Values)) % Values], cancellationToken: cancellationToken);
            },
            time);

    public Task<Measured> GetAsync(int inFlight, ReadOptions read, TimeSpan time, CancellationToken cancellationToken) =>
        RunAsync(
            inFlight,
            async random =>
            {
                GetResult found = await _client.GetAsync(_keys[random.Next(_keys.Length)], read, cancellationToken);
                if (found.Value.Length != Payload.ValueBytes) throw new InvalidDataException("not a value that was put");
            },
            time);

    /// <summary>A scan of 100 pairs from a random key on.</summary>
    public Task<Measured> ScanAsync(TimeSpan time, CancellationToken cancellationToken) =>
        RunAsync(
            1,
            async random =>
            {
                var options = new ScanOptions { Start = _keys[random.Next(_keys.Length - 100)], Limit = 100 };
                int pairs = 0;
                await foreach (KvPair pair in _client.ScanAsync(options, cancellationToken)) pairs++;
                if (pairs != 100) throw new InvalidDataException($"a scan gave {pairs} pairs");
            },
            time);

    private async Task<Measured> RunAsync(int inFlight, Func<Random, Task> operation, TimeSpan time)
    {
        var times = new LatencyHistogram();
        TimeSpan nodes = _cluster.ProcessorTime, load = Environment.CpuUsage.TotalTime;
        long began = Stopwatch.GetTimestamp(), end = began + (long)(time.TotalSeconds * Stopwatch.Frequency);
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            for (long before = Stopwatch.GetTimestamp(), after; before < end; before = after)
            {
                await operation(random);
                after = Stopwatch.GetTimestamp();
                times.Record((after - before) * 1_000_000_000 / Stopwatch.Frequency);
            }
        })));
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        (nodes, load) = (_cluster.ProcessorTime - nodes, Environment.CpuUsage.TotalTime - load);
        return new Measured(
            times.Count / seconds, times.Mean / 1e6, times.Quantile(0.95) / 1e6,
            nodes.TotalMicroseconds / times.Count, load.TotalMicroseconds / times.Count);
    }
}
