namespace NoriKV.Node.Ports;

/// <summary>Writes that become visible, and survive, together.</summary>
/// <remarks>Not thread-safe; cleared and filled again without allocating. Bytes are copied when added.</remarks>
public interface IStorageBatch
{
    /// <summary>The log's watermark that covers all of it; its table is not installed before the log is durable so far.</summary>
    ulong Watermark { get; set; }

    /// <summary>Writes a pair.</summary>
    void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiryUnixMs = 0);

    /// <summary>Removes a key.</summary>
    void Delete(ReadOnlySpan<byte> key);

    /// <summary>Removes the keys in [start, end).</summary>
    void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end);

    /// <summary>Empties it.</summary>
    void Clear();
}
