using System.Buffers.Text;
using Microsoft.AspNetCore.Http;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>GET /kv: one JSON page of a prefix or a range, and the token of the next.</summary>
internal sealed class ScanEndpoint(HttpFacadeParts parts, RequestMeter meter)
{
    public async Task ServeAsync(HttpContext http, RawTarget target, RequestContext context)
    {
        ScanOptions options = Options(target);
        (ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end) = options.Prefix.IsEmpty
            ? (options.Start, options.End)
            : (options.Prefix, EndOfPrefix(options.Prefix.Span));
        var access = new AccessRequest(context.Principal, AccessAction.Read, start, end);
        if (!parts.Authorizer.IsAllowed(access))
        {
            await HttpAnswers.WriteErrorAsync(http, new KvError(KvCode.PermissionDenied, "not allowed"))
                .ConfigureAwait(false);
            return;
        }

        int pairsMax = (int)Math.Min(
            options.Limit == 0 ? parts.Options.PagePairsDefault : options.Limit, parts.Options.PagePairsMax);
        long started = meter.Start();
        KvResult<ScanPage> result = await parts.Node
            .ScanAsync(options, pairsMax, parts.Options.PageBytesMax, context)
            .ConfigureAwait(false);
        if (!result.TryGet(out ScanPage? page, out KvError? error))
        {
            meter.Record(RequestOperation.Scan, error.Code, RequestResult.Error, started, context.Probe);
            await HttpAnswers.WriteErrorAsync(http, error).ConfigureAwait(false);
            return;
        }

        meter.Record(RequestOperation.Scan, KvCode.Ok, RequestResult.Done, started, context.Probe);
        await HttpAnswers.WriteJsonAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("pairs");
            foreach (KvPair pair in page.Pairs)
            {
                json.WriteStartObject();
                json.WriteBase64String("key", pair.Key.Span);
                if (!options.KeysOnly) json.WriteBase64String("value", pair.Value.Span);
                HttpAnswers.WriteVersion(json, "version", pair.Version);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("count", page.Count);
            if (!page.NextPageToken.IsEmpty)
                json.WriteString("next_page_token", Base64Url.EncodeToString(page.NextPageToken.Span));
            HttpAnswers.WriteMeta(json, page.Meta);
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary>The first key behind all that begin with the prefix; empty when there is none.</summary>
    internal static byte[] EndOfPrefix(ReadOnlySpan<byte> prefix)
    {
        int last = prefix.LastIndexOfAnyExcept((byte)0xFF);
        if (last < 0) return [];
        byte[] end = prefix[..(last + 1)].ToArray();
        end[last]++;
        return end;
    }

    private static ScanOptions Options(RawTarget target)
    {
        target.Only(
            "prefix", "start", "end", "limit", "page_token", "reverse", "keys_only", "count_only", "consistency", "max_staleness_ms",
            "timeout_ms");
        byte[] prefix = target.Bytes("prefix") ?? [];
        byte[] start = target.Bytes("start") ?? [];
        byte[] end = target.Bytes("end") ?? [];
        if (prefix.Length > 0 && (start.Length > 0 || end.Length > 0))
            throw new BadTargetException("give prefix, or start and end, not both");
        return new ScanOptions
        {
            Prefix = prefix,
            Start = start,
            End = end,
            Reverse = target.Flag("reverse"),
            Limit = (long)Math.Min(target.Number("limit") ?? 0, long.MaxValue),
            PageToken = target.Base64("page_token") ?? [],
            KeysOnly = target.Flag("keys_only"),
            CountOnly = target.Flag("count_only"),
            Read = ReadParameters.Parse(target),
        };
    }
}
