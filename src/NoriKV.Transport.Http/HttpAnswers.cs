using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>Writes answers: whole, with their length, so that a client can tell a cut one.</summary>
internal static class HttpAnswers
{
    private const int SmallBytes = 32 << 10;

    // A client that takes longer for one answer is cut off: it holds the answer's memory.
    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(60);
    private static readonly JsonWriterOptions Json = new() { SkipValidation = true };

    public static Task WriteJsonAsync(HttpContext http, int status, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, Json)) write(writer);
        return WriteBytesAsync(http, status, "application/json", buffer.WrittenMemory);
    }

    /// <summary>The same, compressed for who takes that: for what is asked for again and again.</summary>
    public static Task WritePackedJsonAsync(HttpContext http, int status, Action<Utf8JsonWriter> write)
    {
        http.Response.Headers.Vary = "Accept-Encoding";
        if (!http.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase))
            return WriteJsonAsync(http, status, write);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        using (var writer = new Utf8JsonWriter(gzip, Json))
        {
            write(writer);
        }

        http.Response.Headers.ContentEncoding = "gzip";
        return WriteBytesAsync(http, status, "application/json", packed.ToArray());
    }

    public static Task WriteTextAsync(HttpContext http, int status, string text) =>
        WriteBytesAsync(http, status, "text/plain; charset=utf-8", Encoding.UTF8.GetBytes(text));

    public static async Task WriteBytesAsync(
        HttpContext http, int status, string contentType, ReadOnlyMemory<byte> body)
    {
        HttpResponse response = http.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        response.Headers.XContentTypeOptions = "nosniff";
        if (HttpMethods.IsHead(http.Request.Method)) return;
        if (body.Length <= SmallBytes)
        {
            // Fits Kestrel's buffer: whoever does not read it holds up nothing.
            await response.BodyWriter.WriteAsync(body, http.RequestAborted).ConfigureAwait(false);
            return;
        }

        using var slow = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        slow.CancelAfter(SendTimeout);
        try
        {
            await response.BodyWriter.WriteAsync(body, slow.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            http.Abort();
        }
    }

    public static Task WriteErrorAsync(HttpContext http, KvError error)
    {
        IHeaderDictionary headers = http.Response.Headers;
        if (error.LeaderHint is { Length: > 0 } hint) headers["X-Leader-Hint"] = hint;
        if (error.RetryAfter is { } after || error.Code == KvCode.Overloaded)
        {
            // Retry-After counts whole seconds; less than one is one.
            double seconds = Math.Max(1, Math.Ceiling((error.RetryAfter ?? TimeSpan.Zero).TotalSeconds));
            headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        return WriteErrorAsync(http, HttpStatusTable.StatusOf(error.Code), error.Code.ToWire(), error.Message);
    }

    public static Task WriteErrorAsync(HttpContext http, int status, string code, string message) =>
        WriteJsonAsync(http, status, json =>
        {
            json.WriteStartObject();
            json.WriteString("code", code);
            json.WriteString("message", message);
            json.WriteEndObject();
        });

    public static void WriteVersion(Utf8JsonWriter json, string name, KvVersion version)
    {
        json.WriteStartObject(name);
        json.WriteNumber("term", version.Term);
        json.WriteNumber("index", version.Index);
        json.WriteEndObject();
    }

    /// <summary>What an answer says of itself, under the wire's names.</summary>
    public static void WriteMeta(Utf8JsonWriter json, KvMeta? meta)
    {
        if (meta is null || meta == KvMeta.None) return;
        json.WriteStartObject("meta");
        if (meta.Consistency is { } consistency) json.WriteString("consistency", consistency.ToWire());
        if (meta.ServedBy is { } servedBy) json.WriteString("served_by", servedBy);
        if (meta.StalenessMs is { } staleness) json.WriteString("staleness_ms", Invariant(staleness));
        if (meta.Durability is { } durability) json.WriteString("durability", durability);
        if (meta.IdempotentReplay is { } replay) json.WriteString("idempotent_replay", replay);
        if (meta.Snapshot is { } snapshot) json.WriteString("snapshot", snapshot);
        json.WriteEndObject();
    }

    /// <summary>The same for an answer whose body is the value.</summary>
    public static void SetMetaHeaders(HttpContext http, KvMeta meta)
    {
        IHeaderDictionary headers = http.Response.Headers;
        if (meta.Consistency is { } consistency) headers["X-Consistency"] = consistency.ToWire();
        if (meta.ServedBy is { } servedBy) headers["X-Served-By"] = servedBy;
        if (meta.StalenessMs is { } staleness) headers["X-Staleness-Ms"] = Invariant(staleness);
    }

    private static string Invariant(long value) => value.ToString(CultureInfo.InvariantCulture);
}
