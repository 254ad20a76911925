using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NoriKV.Dashboard.Tests;

/// <summary>A headless Chromium, driven through the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/).</summary>
internal sealed class Browser : IAsyncDisposable
{
    private const string Install = "sudo apt-get install -y --no-install-recommends chromium";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket;
    private readonly CancellationTokenSource _end = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode>> _calls = new();
    private readonly ConcurrentDictionary<string, Action<string, JsonNode>> _sessions = new();
    private readonly Task _receiving;
    private int _lastCall;

    private Browser(Process process, string profile, ClientWebSocket socket)
    {
        (_process, _profile, _socket) = (process, profile, socket);
        _receiving = ReceiveAsync();
    }

    private static string? Found => Environment.GetEnvironmentVariable("CHROMIUM") is { Length: > 0 } given
        ? given
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .SelectMany(static directory => new[] { "chromium", "chromium-browser", "google-chrome" }
                .Select(name => Path.Combine(directory, name)))
            .FirstOrDefault(File.Exists);

    /// <summary>Starts one; where there is none the test is skipped with what is missing, or fails where it must be there.</summary>
    public static async Task<Browser> StartAsync()
    {
        if (Found is not { } program)
        {
            const string Reason = "needs Chromium: " + Install + " (or name it in CHROMIUM)";
            if (Environment.GetEnvironmentVariable("CI") == "true" || Environment.IsPrivilegedProcess) Assert.Fail(Reason);
            Assert.Skip(Reason);
            throw new UnreachableException();
        }

        string profile = Directory.CreateTempSubdirectory("norikv-browser-").FullName;
        var start = new ProcessStartInfo(program)
        {
            ArgumentList =
            {
                "--headless=new", "--remote-debugging-port=0", $"--user-data-dir={profile}", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--disable-background-networking",
                "--disable-component-update", "--mute-audio", "about:blank",
            },
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(start)!;
        var address = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new ConcurrentQueue<string>();
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += (_, e) =>
        {
            const string Mark = "DevTools listening on ";
            if (e.Data is null) address.TrySetException(new IOException($"{program} ended: {string.Join('\n', said)}"));
            else if (e.Data.StartsWith(Mark, StringComparison.Ordinal)) address.TrySetResult(e.Data[Mark.Length..]);
            else if (said.Count < 50) said.Enqueue(e.Data);
        };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var socket = new ClientWebSocket();
        string url = await address.Task.WaitAsync(Patience);
        await socket.ConnectAsync(new Uri(url), CancellationToken.None).WaitAsync(Patience);
        return new Browser(process, profile, socket);
    }

    /// <summary>A new page.</summary>
    public async Task<BrowserPage> NewPageAsync()
    {
        JsonNode target = await CallAsync(null, "Target.createTarget", new JsonObject { ["url"] = "about:blank" });
        JsonNode attached = await CallAsync(null, "Target.attachToTarget", new JsonObject
        {
            ["targetId"] = target["targetId"]!.GetValue<string>(),
            ["flatten"] = true,
        });
        string session = attached["sessionId"]!.GetValue<string>();
        var page = new BrowserPage(this, session);
        _sessions[session] = page.Take;
        await page.BeginAsync();
        return page;
    }

    /// <summary>Calls a method of the protocol.</summary>
    public async Task<JsonNode> CallAsync(string? session, string method, JsonObject? parameters = null)
    {
        int id = Interlocked.Increment(ref _lastCall);
        var answer = new TaskCompletionSource<JsonNode>(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[id] = answer;
        var message = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        if (session is not null) message["sessionId"] = session;
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(message);
        await _sending.WaitAsync();
        try
        {
            await _socket.SendAsync(bytes, WebSocketMessageType.Text, true, _end.Token);
        }
        finally
        {
            _sending.Release();
        }

        JsonNode reply = await answer.Task.WaitAsync(Patience);
        if (reply["error"] is { } error) throw new InvalidOperationException($"{method}: {error.ToJsonString()}");
        return reply["result"]!;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _socket.Abort();
        await _receiving;
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _socket.Dispose();
        for (int tries = 0; Directory.Exists(_profile); tries++)
        {
            try
            {
                Directory.Delete(_profile, recursive: true);
            }
            catch (IOException) when (tries < 600)
            {
                // A child that is still ending wrote into it.
                await Task.Delay(50);
            }
        }
    }

    private async Task ReceiveAsync()
    {
        var message = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult got = await _socket.ReceiveAsync(buffer.AsMemory(), _end.Token);
                if (got.MessageType == WebSocketMessageType.Close) break;
                message.Write(buffer, 0, got.Count);
                if (!got.EndOfMessage) continue;
                JsonNode node = JsonNode.Parse(message.ToArray())!;
                message.SetLength(0);
                if (node["id"] is { } id)
                {
                    if (_calls.TryRemove(id.GetValue<int>(), out TaskCompletionSource<JsonNode>? call)) call.TrySetResult(node);
                }
                else if (node["sessionId"]?.GetValue<string>() is { } session && _sessions.TryGetValue(session, out var take))
                {
                    take(node["method"]!.GetValue<string>(), node["params"]!);
                }
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or WebSocketException or ObjectDisposedException)
        {
        }

        foreach (TaskCompletionSource<JsonNode> call in _calls.Values) call.TrySetException(new IOException("the browser is gone"));
    }
}
