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
            IdempotencyKey = Text(id),
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
        IdempotencyKey = Text(id),
    };

    public static Pb.BatchRequest Batch(IReadOnlyList<BatchOperation> operations, BatchOptions options, string id)
    {
        var request = new Pb.BatchRequest { RequireAtomic = options.RequireAtomic, IdempotencyKey = Text(id) };
        foreach (BatchOperation operation in operations) request.Operations.Add(Operation(operation));
        return request;
    }

    public static Pb.ScanRequest Scan(ScanOptions options, ReadOnlyMemory<byte> pageToken) => new()
    {
        Start = Wrap(options.Start),
        End = Wrap(options.End),
        Prefix = Wrap(options.Prefix),
        Reverse = options.Reverse,
        Limit = Limit(options.Limit),
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
        return ms >= 1 ? (ulong)ms : throw Invalid($"TTL {span} is not positive");
    }

    // Half of a surrogate pair would be replaced, and distinct keys become the same.
    private static string Text(string id)
    {
        for (int i = id.AsSpan().IndexOfAnyInRange('\ud800', '\udfff'); i >= 0 && i < id.Length; i++)
        {
            if (!char.IsSurrogate(id[i])) continue;
            if (i + 1 == id.Length || !char.IsSurrogatePair(id[i], id[i + 1])) throw Invalid("the text has half of a surrogate pair");
            i++;
        }

        return id;
    }

    private static ulong Limit(long limit) => limit >= 0 ? (ulong)limit : throw Invalid($"limit {limit} is negative");

    private static string Consistency(ReadOptions options)
    {
        if (options.Consistency == NoriKV.Types.Consistency.Linearizable) return "";
        return Enum.IsDefined(options.Consistency)
            ? options.Consistency.ToWire()
            : throw Invalid($"unknown consistency '{options.Consistency}'");
    }

    private static ulong StalenessMs(ReadOptions options)
    {
        if (options.MaxStaleness is not { } span) return 0;
        return span > TimeSpan.Zero
            ? (ulong)Math.Ceiling(span.TotalMilliseconds)
            : throw Invalid($"a staleness of {span} is not positive");
    }

    private static NoriKVException Invalid(string message) =>
        NoriKVException.From(new KvError(KvCode.InvalidArgument, message));

    private static Pb.Version? Version(KvVersion? version) =>
        version is { } v ? new Pb.Version { Term = v.Term, Index = v.Index } : null;
}
