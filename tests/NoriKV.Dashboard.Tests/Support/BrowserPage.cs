using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace NoriKV.Dashboard.Tests;

/// <summary>A page of the browser: looks at it, presses its keys, and hears what it complains of.</summary>
internal sealed class BrowserPage(Browser browser, string session)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private long _received;

    /// <summary>Errors and warnings of the console, exceptions, and violations of the content security policy.</summary>
    public ConcurrentQueue<string> Complaints { get; } = new();

    /// <summary>Addresses of the WebSockets that were opened.</summary>
    public ConcurrentQueue<string> Sockets { get; } = new();

    /// <summary>Bytes received so far: of WebSocket messages, and of answers with their headers as they were sent.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Messages received so far.</summary>
    public int Messages { get; private set; }

    public async Task BeginAsync()
    {
        foreach (string domain in (string[])["Page", "Runtime", "Log", "Network"]) await CallAsync($"{domain}.enable");
        await CallAsync("Page.addScriptToEvaluateOnNewDocument", new JsonObject
        {
            ["source"] = "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))",
        });
        await ResizeAsync(1440, 900);
    }

    public async Task ResizeAsync(int width, int height) =>
        await CallAsync("Emulation.setDeviceMetricsOverride", new JsonObject
        {
            ["width"] = width,
            ["height"] = height,
            ["deviceScaleFactor"] = 1,
            ["mobile"] = width < 500,
        });

    public async Task GoAsync(string url) => await CallAsync("Page.navigate", new JsonObject { ["url"] = url });

    /// <summary>The value of an expression, awaited where it is a promise.</summary>
    public async Task<JsonNode?> EvaluateAsync(string expression)
    {
        JsonNode answer = await CallAsync("Runtime.evaluate", new JsonObject
        {
            ["expression"] = expression,
            ["awaitPromise"] = true,
            ["returnByValue"] = true,
        });
        if (answer["exceptionDetails"] is { } thrown) throw new InvalidOperationException($"{expression}: {thrown.ToJsonString()}");
        return answer["result"]!["value"];
    }

    public async Task<string> TextAsync(string selector) =>
        (await EvaluateAsync($"document.querySelector({Quoted(selector)})?.textContent ?? ''"))!.GetValue<string>();

    /// <summary>Waits until an expression is true; fails with what the page shows otherwise.</summary>
    public async Task WaitAsync(string expression)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            // A page that is just loaded has nothing to ask yet.
            string guarded = $"(() => {{ try {{ return !!({expression}) }} catch {{ return false }} }})()";
            if ((await EvaluateAsync(guarded))?.GetValue<bool>() == true) return;
            if (limit.IsCancellationRequested)
            {
                string shown = (await EvaluateAsync("document.body?.innerText ?? ''"))!.GetValue<string>();
                Assert.Fail($"did not come true: {expression}\ncomplaints: {string.Join('\n', Complaints)}\nshown: {shown}");
            }

            await Task.Delay(50);
        }
    }

    /// <summary>Presses a key, with what it types.</summary>
    public async Task PressAsync(string key, string? text = null)
    {
        foreach (string type in (string[])["keyDown", "keyUp"])
        {
            var press = new JsonObject { ["type"] = type, ["key"] = key, ["code"] = key, ["windowsVirtualKeyCode"] = CodeOf(key) };
            if (text is not null && type == "keyDown") press["text"] = text;
            await CallAsync("Input.dispatchKeyEvent", press);
        }
    }

    /// <summary>Writes into what has the focus.</summary>
    public async Task TypeAsync(string text) => await CallAsync("Input.insertText", new JsonObject { ["text"] = text });

    /// <summary>Writes pictures of what is shown, light and dark, where NORIKV_SCREENSHOTS names a folder.</summary>
    public async Task KeepAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("NORIKV_SCREENSHOTS") is not { Length: > 0 } folder) return;
        Directory.CreateDirectory(folder);
        foreach (string theme in (string[])["dark", "light"])
        {
            await ThemeAsync(theme);
            JsonNode shot = await CallAsync("Page.captureScreenshot", new JsonObject { ["format"] = "png" });
            await File.WriteAllBytesAsync(
                Path.Combine(folder, $"{name}-{theme}.png"), Convert.FromBase64String(shot["data"]!.GetValue<string>()));
        }
    }

    /// <summary>The system's theme becomes another one, and the page follows.</summary>
    public async Task ThemeAsync(string theme, params (string Name, string Value)[] others)
    {
        JsonObject[] features =
        [
            new() { ["name"] = "prefers-color-scheme", ["value"] = theme },
            .. others.Select(static o => new JsonObject { ["name"] = o.Name, ["value"] = o.Value }),
        ];
        await CallAsync("Emulation.setEmulatedMedia", new JsonObject { ["features"] = new JsonArray([.. features]) });
        await WaitAsync($"document.documentElement.dataset.theme === '{theme}'");
        // What is drawn on a canvas is drawn in the next frame.
        await EvaluateAsync("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    }

    public Task<JsonNode> CallAsync(string method, JsonObject? parameters = null) => browser.CallAsync(session, method, parameters);

    /// <summary>An event of the protocol.</summary>
    public void Take(string method, JsonNode e)
    {
        switch (method)
        {
            case "Runtime.exceptionThrown":
                Complaints.Enqueue(e["exceptionDetails"]!.ToJsonString());
                break;
            case "Runtime.consoleAPICalled" when e["type"]!.GetValue<string>() is "error" or "warning" or "assert":
                Complaints.Enqueue(e["args"]!.ToJsonString());
                break;
            case "Log.entryAdded" when e["entry"]!["level"]!.GetValue<string>() is "error" or "warning":
                Complaints.Enqueue(e["entry"]!.ToJsonString());
                break;
            case "Network.webSocketCreated":
                Sockets.Enqueue(e["url"]!.GetValue<string>());
                break;
            case "Network.webSocketFrameReceived":
                Interlocked.Add(ref _received, e["response"]!["payloadData"]!.GetValue<string>().Length);
                Messages++;
                break;
            case "Network.loadingFinished":
                Interlocked.Add(ref _received, (long)e["encodedDataLength"]!.GetValue<double>());
                break;
        }
    }

    public static string Quoted(string text) => System.Text.Json.JsonSerializer.Serialize(text);

    private static int CodeOf(string key) => key switch
    {
        "Tab" => 9,
        "Enter" => 13,
        " " => 32,
        "PageUp" => 33,
        "PageDown" => 34,
        "End" => 35,
        "Home" => 36,
        "ArrowLeft" => 37,
        "ArrowUp" => 38,
        "ArrowRight" => 39,
        "ArrowDown" => 40,
        _ => char.ToUpperInvariant(key[0]),
    };
}
