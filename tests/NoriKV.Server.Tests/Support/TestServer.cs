using System.Net.Sockets;
using System.Text;
using Nori.Grpc;
using Nori.IO;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>A server in this process on free ports of loopback, with clients for both.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly LogLoop _logLoop;

    private TestServer(RunningServer server, FakeNode? fake, IFileSystem files, LogLoop logLoop, StringWriter log)
    {
        (Server, FakeNode, Files, _logLoop, LogText) = (server, fake, files, logLoop, log);
        Http = new HttpClient { BaseAddress = new Uri($"http://{server.HttpEndPoint}") };
        Rpc = GrpcChannel.ForAddress($"http://{server.RpcEndPoint}");
    }

    public RunningServer Server { get; }

    public HttpClient Http { get; }

    public GrpcChannel Rpc { get; }

    public FakeNode? FakeNode { get; }

    public FakeNode Fake => FakeNode!;

    public IFileSystem Files { get; }

    public StringWriter LogText { get; }

    /// <summary>A server over the given fake.</summary>
    public static Task<TestServer> StartFakeAsync(
        FakeNode? node = null, Func<ServerOptions, ServerOptions>? change = null, Func<ServerParts, ServerParts>? parts = null)
    {
        node ??= new FakeNode();
        return StartAsync(
            change,
            p => (parts ?? Same)(p with { StartNode = (_, _) => ValueTask.FromResult(new StartedNode(node, static _ => { })) }),
            node);
    }

    /// <summary>A server over the real node, on a file system in memory.</summary>
    public static async Task<TestServer> StartAsync(
        Func<ServerOptions, ServerOptions>? change = null, Func<ServerParts, ServerParts>? parts = null,
        FakeNode? fake = null)
    {
        var options = new ServerOptions
        {
            NodeId = "n1",
            RpcAddress = new HostPort("127.0.0.1", 0),
            HttpAddress = new HostPort("127.0.0.1", 0),
            DataDirectory = "/data",
            TotalShards = 16,
            MemtableBytes = 4 << 20,
            BlockCacheBytes = 8 << 20,
            LogSegmentBytes = 4 << 20,
        };
        var log = new StringWriter();
        var settled = (parts ?? Same)(new ServerParts { FileSystem = new MemoryFileSystem() });
        var loop = new LogLoop(settled.Log, TextWriter.Synchronized(log));
        try
        {
            RunningServer server = await ServerHost.StartAsync((change ?? (static o => o))(options), settled);
            return new TestServer(server, fake, settled.FileSystem, loop, log);
        }
        catch
        {
            loop.Dispose();
            throw;
        }
    }

    /// <summary>Sends raw bytes to the HTTP port and reads until the server closes or the time is up.</summary>
    public async Task<string> RawHttpAsync(string request, bool keepOpen = false)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(Server.HttpEndPoint);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        if (!keepOpen) socket.Client.Shutdown(SocketShutdown.Send);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync(limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Rpc.Dispose();
        await Server.DisposeAsync();
        _logLoop.Dispose();
    }

    private static ServerParts Same(ServerParts parts) => parts;
}
