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
        .AddUnary(KvMethods.Put, Unary<PutRequest, PutResponse>(calls.PutAsync))
        .AddUnary(KvMethods.Get, Unary<GetRequest, GetResponse>(calls.GetAsync))
        .AddUnary(KvMethods.Delete, Unary<DeleteRequest, DeleteResponse>(calls.DeleteAsync))
        .AddUnary(KvMethods.Batch, Unary<BatchRequest, BatchResponse>(calls.BatchAsync))
        .AddServerStreaming(KvMethods.Scan, ScanAsync)
        .AddDuplex(KvMethods.Stream, (requests, responses, call) =>
            new KvStream(parts, calls, requests, responses, call).RunAsync());

    private Func<TRequest, ServerCallContext, ValueTask<TResponse>> Unary<TRequest, TResponse>(
        Func<TRequest, RequestContext, ValueTask<KvResult<TResponse>>> run) => async (request, call) =>
        {
            RequestContext context = CallContexts.Of(call, parts);
            try
            {
                return Answer(await run(request, context).ConfigureAwait(false));
            }
            finally
            {
                CallContexts.End(call, context);
            }
        };

    // Without a deadline of the client a scan has none: a long one is not a slow one. What bounds it is flow control:
    // no page is read before the one before it is on its way.
    private async Task ScanAsync(
        ScanRequest request, GrpcResponseStream<ScanResponse> responses, ServerCallContext call)
    {
        RequestContext context = CallContexts.Of(call, parts);
        if (call.TimeLeft is null) context = context with { Deadline = long.MaxValue };
        try
        {
            await ScanAsync(request, responses, context).ConfigureAwait(false);
        }
        finally
        {
            CallContexts.End(call, context);
        }
    }

    private async Task ScanAsync(
        ScanRequest request, GrpcResponseStream<ScanResponse> responses, RequestContext context)
    {
        if (calls.ScanRefusal(request, context, out ReadOptions read) is { } refusal)
            throw StatusTable.ToException(refusal);
        var options = new ScanOptions
        {
            Start = request.Start.Memory,
            End = request.End.Memory,
            Prefix = request.Prefix.Memory,
            Reverse = request.Reverse,
            Limit = (long)Math.Min(request.Limit, long.MaxValue),
            PageToken = request.PageToken.Memory,
            KeysOnly = request.KeysOnly,
            CountOnly = request.CountOnly,
            Read = read,
        };
        await foreach (KvResult<ScanPage> result in calls.ScanAsync(options, context).ConfigureAwait(false))
        {
            if (!result.TryGet(out ScanPage? page, out KvError? error)) throw StatusTable.ToException(error);
            await responses.WriteAsync(ToWire(page, request.KeysOnly)).ConfigureAwait(false);
        }
    }

    private static ScanResponse ToWire(ScanPage page, bool keysOnly)
    {
        var response = new ScanResponse
        {
            NextPageToken = UnsafeByteOperations.UnsafeWrap(page.NextPageToken),
            Count = (ulong)page.Count,
        };
        foreach (KvPair pair in page.Pairs) response.Pairs.Add(WireMessages.ToWire(pair, keysOnly));
        WireMessages.AddMeta(response.Meta, page.Meta);
        return response;
    }

    private static T Answer<T>(KvResult<T> result) =>
        result.TryGet(out T? value, out KvError? error) ? value : throw StatusTable.ToException(error);
}
