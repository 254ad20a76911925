using Google.Protobuf;
using NoriKV.Node;
using NoriKV.Node.Tracing;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// The four calls that a unary method and a call inside Kv.Stream have in common: sizes, authorization, the
/// node, the answer's message, the meter. Outcomes stay values here.
/// </summary>
internal sealed class KvCalls(GrpcTransportParts parts, RequestMeter meter)
{
    private static readonly KvError Denied = new(KvCode.PermissionDenied, "not allowed");
    private readonly INoriNode _node = parts.Node;

    public async ValueTask<KvResult<PutResponse>> PutAsync(PutRequest request, RequestContext context)
    {
        long start = meter.Start();
        if (Refusal(request, AccessAction.Write, request.Key, context) is { } refusal)
            return Failed<PutResponse>(RequestOperation.Put, refusal, start, context.Probe);
        var options = new PutOptions
        {
            Ttl = WireDuration.FromMilliseconds(request.TtlMs),
            IfMatch = WireMessages.ToVersion(request.IfMatch),
            IfNotExists = request.IfNotExists,
            IdempotencyKey = WireMessages.TextOrNull(request.IdempotencyKey),
        };
        KvResult<PutResult> result =
            await _node.PutAsync(request.Key.Memory, request.Value.Memory, options, context)
                .ConfigureAwait(false);
        if (!result.TryGet(out PutResult put, out KvError? error))
            return Failed<PutResponse>(RequestOperation.Put, error, start, context.Probe);
        meter.Record(RequestOperation.Put, KvCode.Ok, RequestResult.Done, start, context.Probe);
        return WireMessages.ToWire(put);
    }

    public async ValueTask<KvResult<GetResponse>> GetAsync(GetRequest request, RequestContext context)
    {
        long start = meter.Start();
        KvError? refusal = Refusal(request, AccessAction.Read, request.Key, context);
        if (!WireMessages.TryReadOptions(request.Consistency, request.MaxStalenessMs, out ReadOptions options))
            refusal ??= UnknownConsistency(request.Consistency);
        if (refusal is not null) return Failed<GetResponse>(RequestOperation.Get, refusal, start, context.Probe);
        KvResult<GetResult> result =
            await _node.GetAsync(request.Key.Memory, options, context).ConfigureAwait(false);
        if (!result.TryGet(out GetResult got, out KvError? error))
            return Failed<GetResponse>(RequestOperation.Get, error, start, context.Probe);
        meter.Record(
            RequestOperation.Get, KvCode.Ok, got.Found ? RequestResult.Found : RequestResult.Missing, start, context.Probe);
        return WireMessages.ToWire(got);
    }

    public async ValueTask<KvResult<DeleteResponse>> DeleteAsync(DeleteRequest request, RequestContext context)
    {
        long start = meter.Start();
        if (Refusal(request, AccessAction.Write, request.Key, context) is { } refusal)
            return Failed<DeleteResponse>(RequestOperation.Delete, refusal, start, context.Probe);
        var options = new DeleteOptions
        {
            IfMatch = WireMessages.ToVersion(request.IfMatch),
            IdempotencyKey = WireMessages.TextOrNull(request.IdempotencyKey),
        };
        KvResult<DeleteResult> result =
            await _node.DeleteAsync(request.Key.Memory, options, context).ConfigureAwait(false);
        if (!result.TryGet(out DeleteResult deleted, out KvError? error))
            return Failed<DeleteResponse>(RequestOperation.Delete, error, start, context.Probe);
        meter.Record(
            RequestOperation.Delete,
            KvCode.Ok,
            deleted.Tombstoned ? RequestResult.Found : RequestResult.Missing,
            start,
            context.Probe);
        return WireMessages.ToWire(deleted);
    }

    public async ValueTask<KvResult<BatchResponse>> BatchAsync(BatchRequest request, RequestContext context)
    {
        long start = meter.Start();
        KvError? refusal = TooLarge(request);
        if (refusal is null && request.Operations.Count > _node.Limits.BatchOperationsMax)
        {
            refusal = Invalid(
                $"Batch of {request.Operations.Count} operations exceeds limit {_node.Limits.BatchOperationsMax}");
        }

        var operations = new Types.BatchOperation[refusal is null ? request.Operations.Count : 0];
        for (int i = 0; refusal is null && i < operations.Length; i++)
            refusal = Read(request.Operations[i], i, context, out operations[i]);
        if (refusal is not null) return Failed<BatchResponse>(RequestOperation.Batch, refusal, start, context.Probe);

        var options = new BatchOptions
        {
            RequireAtomic = request.RequireAtomic,
            IdempotencyKey = WireMessages.TextOrNull(request.IdempotencyKey),
        };
        KvResult<IReadOnlyList<BatchOperationResult>> result =
            await _node.BatchAsync(operations, options, context).ConfigureAwait(false);
        if (!result.TryGet(out IReadOnlyList<BatchOperationResult>? results, out KvError? error))
            return Failed<BatchResponse>(RequestOperation.Batch, error, start, context.Probe);
        var response = new BatchResponse();
        foreach (BatchOperationResult each in results) response.Results.Add(WireMessages.ToWire(each));
        meter.Record(RequestOperation.Batch, KvCode.Ok, RequestResult.Done, start, context.Probe);
        return response;
    }

    /// <summary>The pages of a scan, each counted and timed by itself.</summary>
    public async IAsyncEnumerable<KvResult<ScanPage>> ScanAsync(ScanOptions options, RequestContext context)
    {
        long start = meter.Start();
        IAsyncEnumerable<KvResult<ScanPage>> pages =
            _node.ScanPagesAsync(options, parts.Options.ScanPairsMax, parts.Options.ScanBytesMax, context);
        await foreach (KvResult<ScanPage> page in pages.ConfigureAwait(false))
        {
            RequestResult result = page.IsOk ? RequestResult.Done : RequestResult.Error;
            meter.Record(RequestOperation.Scan, page.Error?.Code ?? KvCode.Ok, result, start);
            yield return page;
            start = meter.Start();
        }
    }

    /// <summary>Why a scan may not run; null when it may.</summary>
    public KvError? ScanRefusal(ScanRequest request, RequestContext context, out ReadOptions read)
    {
        if (!WireMessages.TryReadOptions(request.Consistency, request.MaxStalenessMs, out read))
            return UnknownConsistency(request.Consistency);
        if (TooLarge(request) is { } tooLarge) return tooLarge;
        bool prefix = !request.Prefix.IsEmpty;
        if (prefix && !(request.Start.IsEmpty && request.End.IsEmpty))
            return Invalid("give prefix, or start and end, not both");
        var access = new AccessRequest(
            context.Principal,
            AccessAction.Read,
            prefix ? request.Prefix.Memory : request.Start.Memory,
            prefix ? EndOfPrefix(request.Prefix.Span) : request.End.Memory);
        return parts.Authorizer.IsAllowed(access) ? null : Denied;
    }

    private KvError? Read(
        Proto.V1.BatchOperation operation, int position, RequestContext context, out Types.BatchOperation read)
    {
        read = null!;
        switch (operation.OperationCase)
        {
            case Proto.V1.BatchOperation.OperationOneofCase.Put:
                PutRequest put = operation.Put;
                if (put.IdempotencyKey.Length > 0) return OwnIdempotencyKey(position);
                read = Types.BatchOperation.Put(
                    put.Key.Memory,
                    put.Value.Memory,
                    WireDuration.FromMilliseconds(put.TtlMs),
                    WireMessages.ToVersion(put.IfMatch),
                    put.IfNotExists);
                return Forbidden(AccessAction.Write, put.Key, context);
            case Proto.V1.BatchOperation.OperationOneofCase.Delete:
                DeleteRequest delete = operation.Delete;
                if (delete.IdempotencyKey.Length > 0) return OwnIdempotencyKey(position);
                read = Types.BatchOperation.Delete(delete.Key.Memory, WireMessages.ToVersion(delete.IfMatch));
                return Forbidden(AccessAction.Write, delete.Key, context);
            case Proto.V1.BatchOperation.OperationOneofCase.Get:
                GetRequest get = operation.Get;
                if (!WireMessages.TryReadOptions(get.Consistency, get.MaxStalenessMs, out ReadOptions options))
                    return UnknownConsistency(get.Consistency);
                read = Types.BatchOperation.Get(get.Key.Memory, options);
                return Forbidden(AccessAction.Read, get.Key, context);
            default:
                return Invalid($"operation {position} of the batch is empty");
        }
    }

    private KvError? Refusal(IMessage request, AccessAction action, ByteString key, RequestContext context) =>
        TooLarge(request) ?? Forbidden(action, key, context);

    private KvError? TooLarge(IMessage request)
    {
        int size = request.CalculateSize();
        int max = _node.Limits.RequestBytesMax;
        return size <= max ? null : Invalid($"Request size {size} exceeds limit {max}");
    }

    private KvError? Forbidden(AccessAction action, ByteString key, RequestContext context) =>
        parts.Authorizer.IsAllowed(AccessRequest.OfKey(context.Principal, action, key.Memory)) ? null : Denied;

    private KvResult<T> Failed<T>(RequestOperation operation, KvError error, long start, RequestProbe? probe)
    {
        meter.Record(operation, error.Code, RequestResult.Error, start, probe);
        return error;
    }

    private static byte[] EndOfPrefix(ReadOnlySpan<byte> prefix)
    {
        int last = prefix.LastIndexOfAnyExcept((byte)0xFF);
        if (last < 0) return [];
        byte[] end = prefix[..(last + 1)].ToArray();
        end[last]++;
        return end;
    }

    private static KvError Invalid(string message) => new(KvCode.InvalidArgument, message);

    private static KvError OwnIdempotencyKey(int position) =>
        Invalid($"operation {position} has an idempotency key of its own: give the batch one");

    private static KvError UnknownConsistency(string text) =>
        Invalid($"unknown consistency '{(text.Length > 40 ? text[..40] : text)}'");
}
