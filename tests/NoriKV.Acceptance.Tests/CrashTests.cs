using Nori.Core;
using NoriKV.Client;

namespace NoriKV.Acceptance;

/// <summary>
/// SIGKILL at random moments of a concurrent load, 5 times; NORIKV_KILLS=100 for the long run. NORIKV_SEED repeats the
/// moments and the operations (not the threads' order).
/// </summary>
[Trait("Category", "Slow")]
public sealed class CrashTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("norikv-crash-").FullName;
    private readonly CrashWorkload _workload = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_nothing_is_torn_when_the_process_is_killed()
    {
        int kills = int.Parse(Environment.GetEnvironmentVariable("NORIKV_KILLS") ?? "5");
        ulong seed = ulong.Parse(Environment.GetEnvironmentVariable("NORIKV_SEED") ?? "20261122");
        output.WriteLine($"replay: NORIKV_SEED={seed} NORIKV_KILLS={kills} ./test Acceptance");
        var random = new Prng(seed);
        string address = $"127.0.0.1:{FreePort.Next()}";
        // The patient client's writes survive the crash by being repeated; the hasty one's are lost in the middle.
        var options = new NoriKVClientOptions { Addresses = [address], Seed = seed };
        await using NoriKVClient patient = NoriKVClient.Connect(options with { Deadline = TimeSpan.FromSeconds(60) });
        await using NoriKVClient hasty = NoriKVClient.Connect(
            options with { Deadline = TimeSpan.FromSeconds(20), Retry = RetryPolicy.None });

        NorikvProcess server = await StartAsync(address);
        try
        {
            for (int kill = 0; kill < kills; kill++)
            {
                using var stop = new CancellationTokenSource();
                Task load = _workload.LoadAsync(patient, hasty, random, stop.Token);
                await Task.Delay(TimeSpan.FromMilliseconds(random.NextInt(50, 1500)), TimeProvider.System, default);
                await _workload.AcknowledgedAsync(100 * (kill + 1));
                await server.KillAsync();
                await stop.CancelAsync();
                server = await StartAsync(address);
                await load;
                await _workload.VerifyAsync(patient);
            }

            output.WriteLine($"{_workload.Acknowledged} writes acknowledged, {_workload.Unknown} with unknown outcome");
            Assert.Equal(0, await server.TerminateAsync());
            server = await StartAsync(address);
            await _workload.VerifyAsync(patient);
        }
        finally
        {
            await server.DisposeAsync();
        }
    }

    private async Task<NorikvProcess> StartAsync(string address)
    {
        // Small memtables and segments: kills also meet flushes, compactions and segment changes.
        (NorikvProcess server, _) = await NorikvProcess.ServeAsync(
            "server", "--data-dir", _folder, "--rpc-addr", address, "--http-addr", "127.0.0.1:0",
            "--storage-memtable-bytes", "1MiB", "--log-segment-bytes", "4MiB",
            // A slow machine must not outlive the memory of what is repeated.
            "--limits-idempotency-ttl", "2h");
        return server;
    }
}
