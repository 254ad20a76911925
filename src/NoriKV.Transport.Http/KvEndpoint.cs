using Microsoft.AspNetCore.Http;
using Nori.Observe;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>PUT, GET and DELETE of one key.</summary>
internal sealed class KvEndpoint(HttpFacadeParts parts, RequestMeter meter, BodyReader bodies)
{
    private readonly INoriNode _node = parts.Node;

    /// <summary>The methods it takes, as the Allow header says them.</summary>
    public const string Allow = "GET, HEAD, PUT, DELETE";

    /// <summary>
    /// Serves a request whose key is the encoded <paramref name="pathKey"/> or stands in <c>key_b64</c>.
    /// </summary>
    public Task ServeAsync(HttpContext http, RawTarget target, ReadOnlySpan<char> pathKey, RequestContext context)
    {
        byte[] key = KeyOf(target, pathKey);
        string method = http.Request.Method;
        if (HttpMethods.IsGet(method) || HttpMethods.IsHead(method)) return GetAsync(http, target, key, context);
        if (HttpMethods.IsPut(method)) return PutAsync(http, target, key, context);
        if (HttpMethods.IsDelete(method)) return DeleteAsync(http, target, key, context);
        http.Response.Headers.Allow = Allow;
        return HttpAnswers.WriteErrorAsync(http, 405, "METHOD_NOT_ALLOWED", $"a key takes {Allow}");
    }

    private async Task PutAsync(HttpContext http, RawTarget target, byte[] key, RequestContext context)
    {
        target.Only("ttl_ms", "timeout_ms", "key_b64");
        var options = new PutOptions
        {
            Ttl = WireDuration.FromMilliseconds(target.Number("ttl_ms") ?? 0),
            IfMatch = IfMatch(http),
            IfNotExists = IfNotExists(http),
            IdempotencyKey = IdempotencyKey(http),
        };
        if (!Allowed(context, AccessAction.Write, key))
        {
            await DenyAsync(http).ConfigureAwait(false);
            return;
        }

        int bytesMax = Math.Min(_node.Limits.ValueBytesMax, _node.Limits.RequestBytesMax);
        BodyResult body = await bodies.ReadAsync(http, bytesMax).ConfigureAwait(false);
        try
        {
            if (body.Outcome != BodyOutcome.Complete)
            {
                await RefuseBodyAsync(http, body.Outcome, bytesMax).ConfigureAwait(false);
                return;
            }

            long start = meter.Start();
            KvResult<PutResult> result =
                await _node.PutAsync(key, body.Bytes, options, context).ConfigureAwait(false);
            if (!result.TryGet(out PutResult put, out KvError? error))
            {
                meter.Record(RequestOperation.Put, error.Code, RequestResult.Error, start, context.Probe);
                await HttpAnswers.WriteErrorAsync(http, EntityTag.Explain(error, options.IfMatch)).ConfigureAwait(false);
                return;
            }

            meter.Record(RequestOperation.Put, KvCode.Ok, RequestResult.Done, start, context.Probe);
            http.Response.Headers.ETag = EntityTag.Of(put.Version);
            await HttpAnswers.WriteJsonAsync(http, 200, json =>
            {
                json.WriteStartObject();
                HttpAnswers.WriteVersion(json, "version", put.Version);
                HttpAnswers.WriteMeta(json, put.Meta);
                json.WriteEndObject();
            }).ConfigureAwait(false);
        }
        finally
        {
            bodies.Release(body.Reserved);
        }
    }

    private async Task GetAsync(HttpContext http, RawTarget target, byte[] key, RequestContext context)
    {
        target.Only("consistency", "max_staleness_ms", "timeout_ms", "key_b64");
        ReadOptions options = ReadParameters.Parse(target);
        if (!Allowed(context, AccessAction.Read, key))
        {
            await DenyAsync(http).ConfigureAwait(false);
            return;
        }

        long start = meter.Start();
        KvResult<GetResult> result = await _node.GetAsync(key, options, context).ConfigureAwait(false);
        if (!result.TryGet(out GetResult got, out KvError? error))
        {
            meter.Record(RequestOperation.Get, error.Code, RequestResult.Error, start, context.Probe);
            await HttpAnswers.WriteErrorAsync(http, error).ConfigureAwait(false);
            return;
        }

        RequestResult found = got.Found ? RequestResult.Found : RequestResult.Missing;
        meter.Record(RequestOperation.Get, KvCode.Ok, found, start, context.Probe);
        HttpAnswers.SetMetaHeaders(http, got.Meta);
        http.Response.Headers.CacheControl = "no-cache";
        http.Response.Headers.Vary = "Accept";
        if (!got.Found)
        {
            await HttpAnswers.WriteErrorAsync(http, 404, "NOT_FOUND", "no such key").ConfigureAwait(false);
            return;
        }

        http.Response.Headers.ETag = EntityTag.Of(got.Version);
        string? noneMatch = http.Request.Headers.IfNoneMatch;
        if (noneMatch is not null && EntityTag.Matches(noneMatch, got.Version))
        {
            http.Response.StatusCode = 304;
            return;
        }

        if (!WantsJson(http))
        {
            await HttpAnswers.WriteBytesAsync(http, 200, "application/octet-stream", got.Value)
                .ConfigureAwait(false);
            return;
        }

        await HttpAnswers.WriteJsonAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteBase64String("key", key);
            json.WriteBase64String("value", got.Value.Span);
            HttpAnswers.WriteVersion(json, "version", got.Version);
            HttpAnswers.WriteMeta(json, got.Meta);
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext http, RawTarget target, byte[] key, RequestContext context)
    {
        target.Only("timeout_ms", "key_b64");
        if (IfNotExists(http)) throw new BadTargetException("If-None-Match does not go with DELETE");
        var options = new DeleteOptions { IfMatch = IfMatch(http), IdempotencyKey = IdempotencyKey(http) };
        if (!Allowed(context, AccessAction.Write, key))
        {
            await DenyAsync(http).ConfigureAwait(false);
            return;
        }

        long start = meter.Start();
        KvResult<DeleteResult> result = await _node.DeleteAsync(key, options, context).ConfigureAwait(false);
        if (!result.TryGet(out DeleteResult deleted, out KvError? error))
        {
            meter.Record(RequestOperation.Delete, error.Code, RequestResult.Error, start, context.Probe);
            await HttpAnswers.WriteErrorAsync(http, EntityTag.Explain(error, options.IfMatch)).ConfigureAwait(false);
            return;
        }

        RequestResult found = deleted.Tombstoned ? RequestResult.Found : RequestResult.Missing;
        meter.Record(RequestOperation.Delete, KvCode.Ok, found, start, context.Probe);
        await HttpAnswers.WriteJsonAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteBoolean("tombstoned", deleted.Tombstoned);
            if (deleted.Version.IsPresent) HttpAnswers.WriteVersion(json, "version", deleted.Version);
            HttpAnswers.WriteMeta(json, deleted.Meta);
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private static byte[] KeyOf(RawTarget target, ReadOnlySpan<char> pathKey)
    {
        byte[]? encoded = target.Base64("key_b64");
        if (encoded is not null)
        {
            return pathKey.IsEmpty
                ? encoded
                : throw new BadTargetException("give the key in the path or as key_b64, not both");
        }

        return PercentDecoder.TryDecode(pathKey, plusIsSpace: false, out byte[]? key)
            ? key
            : throw new BadTargetException("the key has a broken percent escape");
    }

    private static KvVersion? IfMatch(HttpContext http) =>
        (string?)http.Request.Headers.IfMatch is { } header ? EntityTag.ParseIfMatch(header) : null;

    private static bool IfNotExists(HttpContext http) => (string?)http.Request.Headers.IfNoneMatch switch
    {
        null => false,
        string star when star.Trim() == "*" => true,
        _ => throw new BadTargetException("If-None-Match takes only * on a write"),
    };

    private static string? IdempotencyKey(HttpContext http)
    {
        string? header = http.Request.Headers["Idempotency-Key"];
        return string.IsNullOrEmpty(header) ? null : header;
    }

    private static bool WantsJson(HttpContext http) =>
        ((string?)http.Request.Headers.Accept)?.Split(',').Any(static part =>
            part.Split(';') is [var type, .. var parameters]
            && type.Trim().Equals("application/json", StringComparison.OrdinalIgnoreCase)
            && !parameters.Any(static p => p.Trim() is "q=0" or "q=0.0")) is true;

    private bool Allowed(RequestContext context, AccessAction action, byte[] key) =>
        parts.Authorizer.IsAllowed(AccessRequest.OfKey(context.Principal, action, key));

    private static Task DenyAsync(HttpContext http) =>
        HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.PermissionDenied, "not allowed"));

    private static Task RefuseBodyAsync(HttpContext http, BodyOutcome outcome, int bytesMax)
    {
        // What is left of the body is not worth reading, and without it the connection cannot carry another
        // request.
        http.Response.Headers.Connection = "close";
        switch (outcome)
        {
            case BodyOutcome.TooLarge:
                string sizes = http.Request.ContentLength is { } length
                    ? $"Value size {length} exceeds limit {bytesMax}"
                    : $"Value size exceeds limit {bytesMax}";
                return HttpAnswers.WriteErrorAsync(http, 413, "INVALID_ARGUMENT", sizes);
            case BodyOutcome.TooSlow:
                return HttpAnswers.WriteErrorAsync(http, 408, "REQUEST_TIMEOUT", "the body did not arrive in time");
            case BodyOutcome.Malformed:
                return HttpAnswers.WriteErrorAsync(http, 400, "INVALID_ARGUMENT", "the body's framing is broken");
            case BodyOutcome.NoMemory:
                return HttpAnswers.WriteErrorAsync(
                    http, new KvError(KvCode.Overloaded, "too many bodies in flight; try again"));
            default:
                http.Abort();
                return Task.CompletedTask;
        }
    }
}
