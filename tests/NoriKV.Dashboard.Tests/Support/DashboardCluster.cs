using System.Text;
using NoriKV.Server;
using NoriKV.Server.Tests;

namespace NoriKV.Dashboard.Tests;

/// <summary>Three servers under load, with little memory so that they flush and compact while one watches; shared by the tests.</summary>
public sealed class DashboardCluster : IAsyncLifetime
{
    private readonly CancellationTokenSource _end = new();
    private Task _load = Task.CompletedTask;
    private int _written;

    internal TestCluster Cluster { get; private set; } = null!;

    internal Browser Browser { get; private set; } = null!;

    internal CuttingProxy Proxy { get; private set; } = null!;

    /// <summary>What the page is opened at: the second node, by way of a proxy.</summary>
    internal string Url => $"http://{Proxy.EndPoint}/";

    /// <summary>Writes that were acknowledged.</summary>
    internal int Written => Volatile.Read(ref _written);

    public async ValueTask InitializeAsync()
    {
        Browser = await Browser.StartAsync();
        Cluster = await TestCluster.StartAsync(3, static o => o with
        {
            TotalShards = 64,
            SwimEnabled = true,
            MemtableBytes = 1 << 20,
            LogSegmentBytes = 4 << 20,
            HourStep = TimeSpan.FromSeconds(1),
        });
        Proxy = new CuttingProxy(Cluster[1].Server.HttpEndPoint);
        _load = Task.WhenAll(Enumerable.Range(0, 4).Select(LoadAsync));
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _load;
        if (Proxy is not null) await Proxy.DisposeAsync();
        if (Browser is not null) await Browser.DisposeAsync();
        if (Cluster is not null) await Cluster.DisposeAsync();
    }

    private async Task LoadAsync(int client)
    {
        byte[] value = Encoding.ASCII.GetBytes(new string((char)('a' + client), 3000));
        for (int i = 0; !_end.IsCancellationRequested; i++)
        {
            try
            {
                HttpClient http = Cluster.Servers[(client + i) % Cluster.Servers.Count].Http;
                using HttpResponseMessage put = await http.PutAsync(
                    $"/kv/load-{client}-{i % 500}", new ByteArrayContent(value), _end.Token);
                if (put.IsSuccessStatusCode) Interlocked.Increment(ref _written);
                using HttpResponseMessage get = await http.GetAsync($"/kv/load-{client}-{i % 500}", _end.Token);
                await Task.Delay(2, _end.Token);
            }
            catch (Exception gone) when (gone is HttpRequestException or OperationCanceledException or ObjectDisposedException)
            {
                // A node was stopped by a test, or all is over.
            }
        }
    }
}
