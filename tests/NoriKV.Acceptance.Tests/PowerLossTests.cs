using Nori.Core;
using NoriKV.Client;

namespace NoriKV.Acceptance;

/// <summary>
/// The power goes in the middle of a concurrent load, on a real kernel's ext4: 2 times a policy; NORIKV_POWER_LOSSES=50 for
/// the long run. The disk's other half, every way to lose unsynced bytes, is simulated in the tests of the packages.
/// </summary>
[Trait("Category", "Slow")]
public sealed class PowerLossTests(ITestOutputHelper output) : IDisposable
{
    private const long DiskBytes = 512L << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("norikv-power-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("batch")]
    [InlineData("always")]
    public async Task Nothing_acknowledged_is_lost_when_the_power_goes(string sync)
    {
        if (!Environment.IsPrivilegedProcess)
            Assert.Skip("mounting a loop device needs root: run ./test as root to lose power on a real file system");

        int losses = int.Parse(Environment.GetEnvironmentVariable("NORIKV_POWER_LOSSES") ?? "2");
        ulong seed = ulong.Parse(Environment.GetEnvironmentVariable("NORIKV_SEED") ?? "20261122");
        output.WriteLine($"replay: NORIKV_SEED={seed} NORIKV_POWER_LOSSES={losses} ./test Acceptance");
        var random = new Prng(seed);
        var workload = new CrashWorkload();
        string address = $"127.0.0.1:{FreePort.Next()}";
        var options = new NoriKVClientOptions { Addresses = [address], Seed = seed };
        await using NoriKVClient patient = NoriKVClient.Connect(options with { Deadline = TimeSpan.FromSeconds(60) });
        await using NoriKVClient hasty = NoriKVClient.Connect(
            options with { Deadline = TimeSpan.FromSeconds(20), Retry = RetryPolicy.None });

        await using LoopDisk disk = await LoopDisk.CreateAsync(_folder, DiskBytes);
        NorikvProcess server = await StartAsync(disk, address, sync);
        for (int loss = 0; loss < losses; loss++)
        {
            using var stop = new CancellationTokenSource();
            Task load = workload.LoadAsync(patient, hasty, random, stop.Token);
            await Task.Delay(TimeSpan.FromMilliseconds(random.NextInt(300, 1500)), TimeProvider.System, default);
            await workload.AcknowledgedAsync(100 * (loss + 1));
            disk.LosePower();

            // The node lives on for a moment on a dead disk: whatever it acknowledges now would be a lie.
            await Task.Delay(TimeSpan.FromMilliseconds(random.NextInt(0, 200)), TimeProvider.System, default);
            await server.DisposeAsync();
            await disk.RestorePowerAsync();
            await stop.CancelAsync();
            server = await StartAsync(disk, address, sync);
            await load;
            await workload.VerifyAsync(patient);
        }

        output.WriteLine($"{workload.Acknowledged} writes acknowledged, {workload.Unknown} with unknown outcome");
        await server.DisposeAsync();
    }

    private static async Task<NorikvProcess> StartAsync(LoopDisk disk, string address, string sync)
    {
        (NorikvProcess server, _) = await NorikvProcess.ServeAsync(
            "server", "--data-dir", Path.Combine(disk.MountPoint, "data"), "--rpc-addr", address,
            "--http-addr", "127.0.0.1:0", "--wal-sync", sync,
            "--storage-memtable-bytes", "1MiB", "--log-segment-bytes", "4MiB");
        return server;
    }
}
