using System.Net;
using System.Net.Sockets;
using Nori.Core;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Acceptance;

/// <summary>
/// SIGKILL at random moments of a concurrent load, 5 times; NORIKV_KILLS=100 for the long run. NORIKV_SEED repeats the
/// moments and the operations (not the threads' order).
/// </summary>
[Trait("Category", "Slow")]
public sealed class CrashTests(ITestOutputHelper output) : IDisposable
{
    private const int Workers = 24;
    private const int KeysOfWorker = 12;
    private const int Counters = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("norikv-crash-").FullName;
    private readonly KeyHistory[] _keys =
        [.. Enumerable.Range(0, Workers * KeysOfWorker).Select(i => new KeyHistory((uint)i))];

    private readonly CounterHistory[] _counters = [.. Enumerable.Range(0, Counters).Select(i => new CounterHistory(i))];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_nothing_is_torn_when_the_process_is_killed()
    {
        int kills = int.Parse(Environment.GetEnvironmentVariable("NORIKV_KILLS") ?? "5");
        ulong seed = ulong.Parse(Environment.GetEnvironmentVariable("NORIKV_SEED") ?? "20261122");
        output.WriteLine($"replay: NORIKV_SEED={seed} NORIKV_KILLS={kills} ./test Acceptance");
        var random = new Prng(seed);
        string address = $"127.0.0.1:{FreePort()}";
        // The patient client's writes survive the crash by being repeated; the hasty one's are lost in the middle.
        var options = new NoriKVClientOptions { Addresses = [address], Seed = seed };
        await using NoriKVClient patient = NoriKVClient.Connect(options with { Deadline = TimeSpan.FromSeconds(60) });
        await using NoriKVClient hasty = NoriKVClient.Connect(
            options with { Deadline = TimeSpan.FromSeconds(20), Retry = RetryPolicy.None });

        NorikvProcess server = await StartAsync(address);
        for (int kill = 0; kill < kills; kill++)
        {
            using var stop = new CancellationTokenSource();
            Task load = LoadAsync(patient, hasty, random, stop.Token);
            await Task.Delay(TimeSpan.FromMilliseconds(random.NextInt(50, 1500)), TimeProvider.System, default);
            await server.KillAsync();
            await stop.CancelAsync();
            server = await StartAsync(address);
            await load;
            await VerifyAsync(patient);
        }

        output.WriteLine(
            $"{_keys.Sum(k => k.Acknowledged)} writes acknowledged, {_keys.Sum(k => k.Unknown)} with unknown outcome");
        Assert.True(_keys.Sum(k => k.Acknowledged) > kills * 50, "the load was too small to mean anything");
        (int exit, TimeSpan took) = await server.TerminateAsync();
        Assert.Equal(0, exit);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        server = await StartAsync(address);
        await VerifyAsync(patient);
        await server.DisposeAsync();
    }

    private async Task<NorikvProcess> StartAsync(string address)
    {
        // Small memtables and segments: kills also meet flushes, compactions and segment changes.
        (NorikvProcess server, _) = await NorikvProcess.ServeAsync(
            "server", "--data-dir", _folder, "--rpc-addr", address, "--http-addr", "127.0.0.1:0",
            "--storage-memtable-bytes", "1MiB", "--log-segment-bytes", "4MiB");
        return server;
    }

    private Task LoadAsync(NoriKVClient patient, NoriKVClient hasty, Prng random, CancellationToken stop)
    {
        IEnumerable<Task> workers = Enumerable.Range(0, Workers).Select(worker =>
        {
            Prng own = random.Fork();
            INoriKV store = worker % 2 == 0 ? patient : hasty;
            return Task.Run(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    await _keys[worker * KeysOfWorker + own.NextInt(KeysOfWorker)].WriteAsync(store, own);
                    if (own.Chance(0.2)) await _counters[own.NextInt(Counters)].IncrementAsync(store);
                }
            });
        });
        return Task.WhenAll(workers.ToArray());
    }

    private async Task VerifyAsync(NoriKVClient store)
    {
        await Task.WhenAll(_keys.Select(k => k.VerifyAsync(store)));
        await Task.WhenAll(_counters.Select(c => c.VerifyAsync(store)));
        await Task.WhenAll(_keys.Select(k => k.RepeatAsync(store)));
        await Task.WhenAll(_keys.Select(k => k.VerifyAsync(store)));
        await VerifyScanAsync(store);
    }

    // The scan must give the very keys that point reads find, in order.
    private async Task VerifyScanAsync(NoriKVClient store)
    {
        var scanned = new List<byte[]>();
        await foreach (KvPair pair in store.ScanAsync(new ScanOptions { Prefix = "key:"u8.ToArray() }))
        {
            scanned.Add(pair.Key.ToArray());
        }

        GetResult[] found = await Task.WhenAll(_keys.Select(k => store.GetAsync(k.Key).AsTask()));
        Assert.Equal(_keys.Where((_, i) => found[i].Found).Select(k => k.Key), scanned);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
