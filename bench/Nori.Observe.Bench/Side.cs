using System.Net;
using Nori.IO;
using NoriKV.Client;
using NoriKV.Server;

namespace Nori.Observe.Bench;

/// <summary>A server and its client in this process: with everything on that it can tell of itself, or with everything off.</summary>
internal sealed class Side : IAsyncDisposable
{
    private readonly RunningServer _server;
    private readonly HttpListener? _collector;
    private readonly CancellationTokenSource _stop = new();
    private Task _scrapes = Task.CompletedTask;

    private Side(RunningServer server, NoriKVClient client, HttpListener? collector) =>
        (_server, Client, _collector) = (server, client, collector);

    public NoriKVClient Client { get; }

    /// <summary>Starts one.</summary>
    /// <param name="isOn">
    /// Metrics, scraped each 5 s; OTLP with traces to a collector; events; the log of slow requests. Else none of them.
    /// </param>
    /// <param name="directory">Where its data lies; null: in memory, so that processors are the bound.</param>
    public static async Task<Side> StartAsync(bool isOn, string? directory)
    {
        (HttpListener? collector, string? endpoint) = isOn ? Collect() : (null, null);
        var options = new ServerOptions
        {
            NodeId = "n1",
            RpcAddress = new HostPort("127.0.0.1", 0),
            HttpAddress = new HostPort("127.0.0.1", 0),
            DataDirectory = directory ?? "/data",
            TotalShards = 64,
            PrometheusEnabled = isOn,
            OtlpEnabled = isOn,
            OtlpEndpoint = endpoint,
            OtlpProtocol = "http",
            SlowThreshold = isOn ? TimeSpan.FromMilliseconds(250) : TimeSpan.Zero,
        };
        var parts = new ServerParts { FileSystem = directory is null ? new MemoryFileSystem() : DiskFileSystem.Instance };
        if (!isOn)
        {
            ServerParts whole = parts;
            parts = parts with
            {
                StartNode = (setup, token) => whole.StartNode(setup with { Events = NullEventSink.Instance }, token),
            };
        }

        RunningServer server = await ServerHost.StartAsync(options, parts);
        var side = new Side(server, NoriKVClient.Connect($"{server.RpcEndPoint}"), collector);
        if (isOn) side._scrapes = side.ScrapeAsync();
        return side;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _scrapes;
        await Client.DisposeAsync();
        await _server.DisposeAsync();
        _collector?.Close();
        _stop.Dispose();
    }

    private async Task ScrapeAsync()
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{_server.HttpEndPoint}") };
        try
        {
            while (true)
            {
                await http.GetStringAsync("/metrics", _stop.Token);
                await Task.Delay(TimeSpan.FromSeconds(5), _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the run.
        }
    }

    // Takes what it is sent and forgets it.
    private static (HttpListener Collector, string Endpoint) Collect()
    {
        using var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        string endpoint = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        probe.Stop();
        var collector = new HttpListener();
        collector.Prefixes.Add(endpoint + "/");
        collector.Start();
        _ = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    HttpListenerContext http = await collector.GetContextAsync();
                    await http.Request.InputStream.CopyToAsync(Stream.Null);
                    http.Response.Close();
                }
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
            {
                // The end of the run.
            }
        });
        return (collector, endpoint);
    }
}
