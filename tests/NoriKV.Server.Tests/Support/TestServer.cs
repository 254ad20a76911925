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

    private readonly TextWriter _log;
    private readonly StringWriter _lines;

    private TestServer(
        RunningServer server, FakeNode? fake, IFileSystem files, LogLoop logLoop, TextWriter log, StringWriter lines)
    {
        (Server, FakeNode, Files, _logLoop, _log, _lines) = (server, fake, files, logLoop, log, lines);
        Http = new HttpClient { BaseAddress = new Uri($"http://{server.HttpEndPoint}") };
        Rpc = GrpcChannel.ForAddress($"http://{server.RpcEndPoint}");
    }

    public RunningServer Server { get; }

    public HttpClient Http { get; }

    public GrpcChannel Rpc { get; }

    public FakeNode? FakeNode { get; }

    public FakeNode Fake => FakeNode!;

    public IFileSystem Files { get; }

    /// <summary>What it logged so far; lines come a little after what they tell of.</summary>
    public string LogText
    {
        get
        {
            lock (_log) return _lines.ToString();
        }
    }

    /// <summary>A server over the given fake.</summary>
    public static Task<TestServer> StartFakeAsync(
        FakeNode? node = null, Func<ServerOptions, ServerOptions>? change = null,
        Func<ServerParts, ServerParts>? parts = null)
    {
        node ??= new FakeNode();
        var started = new StartedNode(node, static _ => { }, []);
        return StartAsync(
            change, p => (parts ?? Same)(p with { StartNode = (_, _) => ValueTask.FromResult(started) }), node);
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
        var lines = new StringWriter();
        TextWriter log = TextWriter.Synchronized(lines);
        var settled = (parts ?? Same)(new ServerParts { FileSystem = new MemoryFileSystem() });
        var loop = new LogLoop(settled.Log, log);
        try
        {
            RunningServer server = await ServerHost.StartAsync((change ?? (static o => o))(options), settled);
            return new TestServer(server, fake, settled.FileSystem, loop, log, lines);
        }
        catch
        {
            loop.Dispose();
            throw;
        }
    }

    /// <summary>Sends raw bytes to the HTTP port and reads one answer, or what comes until the server closes.</summary>
    public async Task<string> RawHttpAsync(string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(Server.HttpEndPoint);
        await socket.GetStream().WriteAsync(Encoding.Latin1.GetBytes(request));
        return await ReadAnswerAsync(socket.GetStream());
    }

    /// <summary>Reads one HTTP answer to its Content-Length, or what comes until the server closes.</summary>
    public static async Task<string> ReadAnswerAsync(NetworkStream stream)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        byte[] buffer = new byte[16 << 10];
        var text = new StringBuilder();
        try
        {
            int read;
            while (!IsWhole(text.ToString()) && (read = await stream.ReadAsync(buffer, limit.Token)) > 0)
                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }
        catch (IOException)
        {
            // A reset ends an answer as a close does.
        }

        return text.ToString();
    }

    private static bool IsWhole(string answer)
    {
        int end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        const string Name = "\r\nContent-Length: ";
        int at = end < 0 ? -1 : answer.IndexOf(Name, 0, end, StringComparison.OrdinalIgnoreCase);
        if (at < 0) return false;
        int from = at + Name.Length;
        return answer.Length - end - 4 >= int.Parse(answer[from..answer.IndexOf('\r', from)]);
    }

    /// <summary>Ends it as SIGKILL does; its files keep what was written.</summary>
    public async Task KillAsync()
    {
        await Server.AbortAsync();
        await DisposeAsync();
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
