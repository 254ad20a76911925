using System.Text;
using NoriKV.Types;

namespace NoriKV.Node.Requests;

/// <summary>What a request must be before anything is done for it. Every answer names the limit.</summary>
internal sealed class RequestValidator(KvLimits limits)
{
    public KvError? Key(ReadOnlyMemory<byte> key)
    {
        if (key.IsEmpty) return Invalid("Key must not be empty");
        return key.Length > limits.KeyBytesMax
            ? Invalid($"Key size {key.Length} exceeds limit {limits.KeyBytesMax}")
            : null;
    }

    public KvError? Put(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, TimeSpan? ttl, KvVersion? ifMatch, bool ifNotExists)
    {
        if (Key(key) is { } error) return error;
        if (value.Length > limits.ValueBytesMax)
        {
            return Invalid($"Value size {value.Length} exceeds limit {limits.ValueBytesMax}");
        }

        long bytes = (long)key.Length + value.Length;
        if (bytes > limits.RequestBytesMax) return RequestSize(bytes);
        if (ttl is { } time && time < TimeSpan.FromMilliseconds(1)) return Invalid($"TTL {time} is below 1 ms");
        return ifNotExists && ifMatch is not null
            ? Invalid("if_match and if_not_exists exclude each other")
            : null;
    }

    public KvError? IdempotencyKey(string? key)
    {
        if (string.IsNullOrEmpty(key)) return null;
        int bytes = Encoding.UTF8.GetByteCount(key);
        return bytes > limits.IdempotencyKeyBytesMax
            ? Invalid($"Idempotency key size {bytes} exceeds limit {limits.IdempotencyKeyBytesMax}")
            : null;
    }

    /// <summary>The error in a batch as a whole; one in a single operation names its place.</summary>
    public KvError? Batch(IReadOnlyList<BatchOperation> operations)
    {
        if (operations.Count == 0) return Invalid("A batch needs at least one operation");
        if (operations.Count > limits.BatchOperationsMax)
        {
            return Invalid($"Batch of {operations.Count} operations exceeds limit {limits.BatchOperationsMax}");
        }

        long bytes = 0;
        int gets = 0;
        var keys = new HashSet<ReadOnlyMemory<byte>>(operations.Count, BytesComparer.Instance);
        for (int i = 0; i < operations.Count; i++)
        {
            BatchOperation operation = operations[i];
            bytes += operation.Key.Length + operation.Value.Length;
            if (operation.Kind == BatchOperationKind.Get) gets++;
            KvError? error = operation.Kind == BatchOperationKind.Put
                ? Put(operation.Key, operation.Value, operation.Ttl, operation.IfMatch, operation.IfNotExists)
                : Key(operation.Key);
            if (error is not null) return Invalid($"Operation {i}: {error.Message}");
            if (!keys.Add(operation.Key)) return Invalid($"Operation {i} names a key that an operation before it names");
        }

        if (gets < operations.Count && gets > limits.BatchMixedGetsMax)
        {
            return Invalid(
                $"{gets} gets in a batch that writes exceed limit {limits.BatchMixedGetsMax}: send them as a batch of their own");
        }

        return bytes > limits.RequestBytesMax ? RequestSize(bytes) : null;
    }

    private KvError RequestSize(long bytes) => Invalid($"Request size {bytes} exceeds limit {limits.RequestBytesMax}");

    private static KvError Invalid(string message) => new(KvCode.InvalidArgument, message);
}
