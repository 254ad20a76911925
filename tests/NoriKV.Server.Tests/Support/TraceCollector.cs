using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using NoriKV.Interop;

namespace NoriKV.Server.Tests;

/// <summary>A collector of OTLP over HTTP; its requests are kept, and read by the official definitions.</summary>
internal sealed class TraceCollector : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<byte[]> _traces = [];

    public TraceCollector()
    {
        int port = FreePort.Next();
        Endpoint = $"http://127.0.0.1:{port}";
        _listener.Prefixes.Add($"{Endpoint}/");
        _listener.Start();
        _ = ListenAsync();
    }

    public string Endpoint { get; }

    /// <summary>Requests of spans so far.</summary>
    public int Requests => _traces.Count;

    /// <summary>True once a span of the trace is there.</summary>
    public bool Holds(string trace) => _traces.Any(request => request.AsSpan().IndexOf(Convert.FromHexString(trace)) >= 0);

    /// <summary>The first request of spans as it is, once it is there.</summary>
    public async Task<byte[]> FirstAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        byte[]? first;
        while (!_traces.TryPeek(out first)) await Task.Delay(20, limit.Token);
        return first;
    }

    /// <summary>The spans of all requests so far.</summary>
    public async Task<IReadOnlyList<TracedSpan>> SpansAsync()
    {
        var spans = new List<TracedSpan>();
        string file = Path.GetTempFileName();
        try
        {
            foreach (byte[] request in _traces)
            {
                await File.WriteAllBytesAsync(file, request);
                using JsonDocument json = JsonDocument.Parse(await InteropTools.DecodeOtlpAsync("traces", file));
                spans.AddRange(json.RootElement.GetProperty("resourceSpans").EnumerateArray()
                    .SelectMany(static r => r.GetProperty("scopeSpans").EnumerateArray())
                    .SelectMany(static s => s.GetProperty("spans").EnumerateArray())
                    .Select(Read));
            }
        }
        finally
        {
            File.Delete(file);
        }

        return spans;
    }

    public void Dispose() => _listener.Close();

    private static TracedSpan Read(JsonElement span) => new(
        Hex(span, "traceId"),
        Hex(span, "spanId"),
        Hex(span, "parentSpanId"),
        span.GetProperty("name").GetString()!,
        span.GetProperty("kind").GetString()!,
        Number(span, "endTimeUnixNano") - Number(span, "startTimeUnixNano"),
        span.TryGetProperty("attributes", out JsonElement attributes)
            && attributes.EnumerateArray().Any(static a => a.GetProperty("key").GetString() == "beside"),
        span.TryGetProperty("traceState", out JsonElement state) ? state.GetString()! : "");

    private static string Hex(JsonElement span, string name) => span.TryGetProperty(name, out JsonElement id)
        ? Convert.ToHexStringLower(id.GetBytesFromBase64())
        : "";

    private static long Number(JsonElement span, string name) =>
        long.Parse(span.GetProperty(name).GetString()!, System.Globalization.CultureInfo.InvariantCulture);

    private async Task ListenAsync()
    {
        try
        {
            while (true)
            {
                HttpListenerContext http = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await http.Request.InputStream.CopyToAsync(body);
                if (http.Request.RawUrl == "/v1/traces") _traces.Enqueue(body.ToArray());
                http.Response.Close();
            }
        }
        catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }
}
