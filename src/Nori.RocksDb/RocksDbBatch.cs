namespace Nori.RocksDb;

/// <summary>Writes that become visible and durable together; reusable. One owner.</summary>
public sealed unsafe class RocksDbBatch : IDisposable
{
    internal nint Handle { get; private set; } = Native.rocksdb_writebatch_create();

    /// <summary>Sets the key's value.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        fixed (byte* keyBytes = key, valueBytes = value)
            Native.rocksdb_writebatch_put(Handle, keyBytes, (nuint)key.Length, valueBytes, (nuint)value.Length);
    }

    /// <summary>Removes the key.</summary>
    public void Delete(ReadOnlySpan<byte> key)
    {
        fixed (byte* bytes = key) Native.rocksdb_writebatch_delete(Handle, bytes, (nuint)key.Length);
    }

    /// <summary>Removes every key in [start, end).</summary>
    public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        fixed (byte* startBytes = start, endBytes = end)
            Native.rocksdb_writebatch_delete_range(Handle, startBytes, (nuint)start.Length, endBytes, (nuint)end.Length);
    }

    /// <summary>Empties it and keeps its memory.</summary>
    public void Clear() => Native.rocksdb_writebatch_clear(Handle);

    /// <summary>Frees it; idempotent.</summary>
    public void Dispose()
    {
        if (Handle != 0) Native.rocksdb_writebatch_destroy(Handle);
        Handle = 0;
    }
}
