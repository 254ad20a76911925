using Google.Protobuf;
using Nori.Grpc.Server;
using NoriKV.Node;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>norikv.v1.Kv.</summary>
internal sealed class KvService(GrpcTransportParts parts, KvCalls calls)
{
    public GrpcServiceDefinition Definition => new GrpcServiceDefinition(KvMethods.Kv)
        .AddUnary(KvMethods.Put, async (request, call) =>
            Answer(await calls.PutAsync(request, CallContexts.Of(call, parts)).ConfigureAwait(false)))
        .AddUnary(KvMethods.Get, async (request, call) =>
            Answer(await calls.GetAsync(request, CallContexts.Of(call, parts)).ConfigureAwait(false)))
        .AddUnary(KvMethods.Delete, async (request, call) =>
            Answer(await calls.DeleteAsync(request, CallContexts.Of(call, parts)).ConfigureAwait(false)))
        .AddUnary(KvMethods.Batch, async (request, call) =>
            Answer(await calls.BatchAsync(request, CallContexts.Of(call, parts)).ConfigureAwait(false)))
        .AddServerStreaming(KvMethods.Scan, ScanAsync)
        .AddDuplex(KvMethods.Stream, (requests, responses, call) =>
            new KvStream(parts, calls, requests, responses, call).RunAsync());

    // A page at a time, each with a deadline of its own where the client gave none: a long scan is not a slow
    // one.
    private async Task ScanAsync(
        ScanRequest request, GrpcResponseStream<ScanResponse> responses, ServerCallContext call)
    {
        RequestContext context = CallContexts.Of(call, parts);
        if (calls.ScanRefusal(request, context, out ReadOptions read) is { } refusal)
            throw StatusTable.ToException(refusal);
        long limit = (long)Math.Min(request.Limit, long.MaxValue);
        long seen = 0;
        ReadOnlyMemory<byte> token = request.PageToken.Memory;
        while (true)
        {
            long left = limit == 0 ? long.MaxValue : limit - seen;
            var options = new ScanOptions
            {
                Start = request.Start.Memory,
                End = request.End.Memory,
                Prefix = request.Prefix.Memory,
                Reverse = request.Reverse,
                Limit = limit == 0 ? 0 : left,
                PageToken = token,
                KeysOnly = request.KeysOnly,
                CountOnly = request.CountOnly,
                Read = read,
            };
            int pairsMax = (int)Math.Min(left, parts.Options.ScanPairsMax);
            KvResult<ScanPage> result =
                await calls.ScanAsync(options, pairsMax, CallContexts.Of(call, parts)).ConfigureAwait(false);
            if (!result.TryGet(out ScanPage? page, out KvError? error)) throw StatusTable.ToException(error);
            seen += page.Count;
            token = page.NextPageToken;
            bool last = token.IsEmpty || (limit != 0 && seen >= limit);

            // A count needs no pages in between.
            if (last || !request.CountOnly)
                await responses.WriteAsync(ToWire(page, seen, request.KeysOnly)).ConfigureAwait(false);
            if (last) return;
            call.CancellationToken.ThrowIfCancellationRequested();
        }
    }

    private static ScanResponse ToWire(ScanPage page, long seen, bool keysOnly)
    {
        var response = new ScanResponse
        {
            NextPageToken = UnsafeByteOperations.UnsafeWrap(page.NextPageToken),
            Count = (ulong)seen,
        };
        foreach (KvPair pair in page.Pairs) response.Pairs.Add(WireMessages.ToWire(pair, keysOnly));
        WireMessages.AddMeta(response.Meta, page.Meta);
        return response;
    }

    private static T Answer<T>(KvResult<T> result) =>
        result.TryGet(out T? value, out KvError? error) ? value : throw StatusTable.ToException(error);
}
