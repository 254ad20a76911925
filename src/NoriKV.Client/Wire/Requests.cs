using Google.Protobuf;
using NoriKV.Types;
using Pb = NoriKV.Proto.V1;

namespace NoriKV.Client.Wire;

/// <summary>Requests as messages. Keys and values are wrapped, not copied: the caller keeps them unchanged.</summary>
internal static class Requests
{
    // What a call costs beside its key and value: tags, lengths, id, timeout, idempotency key, version.
    private const int OverheadBytes = 160;

    public static Pb.PutRequest Put(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions options, string id) =>
        new()
        {
            Key = Wrap(key),
            Value = Wrap(value),
            TtlMs = TtlMs(options.Ttl),
            IfMatch = Version(options.IfMatch),
            IfNotExists = options.IfNotExists,
            IdempotencyKey = id,
        };

    public static Pb.GetRequest Get(ReadOnlyMemory<byte> key, ReadOptions options) => new()
    {
        Key = Wrap(key),
        Consistency = Consistency(options),
        MaxStalenessMs = StalenessMs(options),
    };

    public static Pb.DeleteRequest Delete(ReadOnlyMemory<byte> key, DeleteOptions options, string id) => new()
    {
        Key = Wrap(key),
        IfMatch = Version(options.IfMatch),
        IdempotencyKey = id,
    };

    public static Pb.BatchRequest Batch(IReadOnlyList<BatchOperation> operations, BatchOptions options, string id)
    {
        var request = new Pb.BatchRequest { RequireAtomic = options.RequireAtomic, IdempotencyKey = id };
        foreach (BatchOperation operation in operations) request.Operations.Add(Operation(operation));
        return request;
    }

    public static Pb.ScanRequest Scan(ScanOptions options, ReadOnlyMemory<byte> pageToken) => new()
    {
        Start = Wrap(options.Start),
        End = Wrap(options.End),
        Prefix = Wrap(options.Prefix),
        Reverse = options.Reverse,
        Limit = checked((ulong)options.Limit),
        PageToken = Wrap(pageToken),
        Consistency = Consistency(options.Read),
        MaxStalenessMs = StalenessMs(options.Read),
        KeysOnly = options.KeysOnly,
        CountOnly = options.CountOnly,
    };

    /// <summary>About how many bytes the call takes on the wire.</summary>
    public static int Bytes(Pb.StreamCall call) => OverheadBytes + call.CallCase switch
    {
        Pb.StreamCall.CallOneofCase.Put => call.Put.Key.Length + call.Put.Value.Length,
        Pb.StreamCall.CallOneofCase.Get => call.Get.Key.Length,
        Pb.StreamCall.CallOneofCase.Delete => call.Delete.Key.Length,
        _ => call.CalculateSize(),
    };

    private static Pb.BatchOperation Operation(BatchOperation operation) => operation.Kind switch
    {
        BatchOperationKind.Put => new()
        {
            Put = Put(
                operation.Key,
                operation.Value,
                new PutOptions { Ttl = operation.Ttl, IfMatch = operation.IfMatch, IfNotExists = operation.IfNotExists },
                ""),
        },
        BatchOperationKind.Delete => new()
        {
            Delete = Delete(operation.Key, new DeleteOptions { IfMatch = operation.IfMatch }, ""),
        },
        _ => new() { Get = Get(operation.Key, operation.Read) },
    };

    private static ByteString Wrap(ReadOnlyMemory<byte> bytes) =>
        bytes.IsEmpty ? ByteString.Empty : UnsafeByteOperations.UnsafeWrap(bytes);

    private static ulong TtlMs(TimeSpan? ttl)
    {
        if (ttl is not { } span) return 0;
        // Rounded up: a shorter TTL than asked for would be a surprise, and 0 means none.
        double ms = Math.Ceiling(span.TotalMilliseconds);
        return ms >= 1
            ? (ulong)ms
            : throw NoriKVException.From(new KvError(KvCode.InvalidArgument, $"TTL {span} is not positive"));
    }

    private static string Consistency(ReadOptions options) =>
        options.Consistency == NoriKV.Types.Consistency.Linearizable ? "" : options.Consistency.ToWire();

    private static ulong StalenessMs(ReadOptions options) =>
        options.MaxStaleness is { } span ? (ulong)Math.Max(1, Math.Ceiling(span.TotalMilliseconds)) : 0;

    private static Pb.Version? Version(KvVersion? version) =>
        version is { } v ? new Pb.Version { Term = v.Term, Index = v.Index } : null;
}
