using System.Diagnostics;

namespace Nori.RocksDb;

/// <summary>Walks the keys both ways as of the moment, or the snapshot, it was made of. One owner.</summary>
public sealed unsafe class RocksDbIterator : IDisposable
{
    private nint _handle;

    internal RocksDbIterator(nint handle) => _handle = handle;

    /// <summary>True while it stands on an entry.</summary>
    public bool Valid => Native.rocksdb_iter_valid(_handle) != 0;

    /// <summary>The key it stands on, until the next move.</summary>
    public ReadOnlySpan<byte> Key
    {
        get
        {
            nuint length;
            byte* bytes = Native.rocksdb_iter_key(_handle, &length);
            return new ReadOnlySpan<byte>(bytes, (int)length);
        }
    }

    /// <summary>The value it stands on, until the next move.</summary>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            nuint length;
            byte* bytes = Native.rocksdb_iter_value(_handle, &length);
            return new ReadOnlySpan<byte>(bytes, (int)length);
        }
    }

    /// <summary>To the first key.</summary>
    public void SeekToFirst() => Native.rocksdb_iter_seek_to_first(_handle);

    /// <summary>To the first key at or behind this one.</summary>
    public void Seek(ReadOnlySpan<byte> key)
    {
        fixed (byte* bytes = key) Native.rocksdb_iter_seek(_handle, bytes, (nuint)key.Length);
    }

    /// <summary>To the last key.</summary>
    public void SeekToLast() => Native.rocksdb_iter_seek_to_last(_handle);

    /// <summary>To the last key at or before this one.</summary>
    public void SeekForPrevious(ReadOnlySpan<byte> key)
    {
        fixed (byte* bytes = key) Native.rocksdb_iter_seek_for_prev(_handle, bytes, (nuint)key.Length);
    }

    /// <summary>To the key before.</summary>
    public void Previous() => Native.rocksdb_iter_prev(_handle);

    /// <summary>To the next key.</summary>
    public void Next() => Native.rocksdb_iter_next(_handle);

    /// <summary>An iterator that ended may have ended by an error.</summary>
    /// <exception cref="RocksDbException">It did.</exception>
    public void ThrowIfFailed()
    {
        byte* error = null;
        Native.rocksdb_iter_get_error(_handle, &error);
        RocksDbDatabase.ThrowIf(error);
    }

    /// <summary>
    /// Nanoseconds of one call into the library that does next to nothing, with the runtime's transition and
    /// without: what a binding costs, so that a comparison can say so.
    /// </summary>
    public (double WithTransition, double Without) MeasureCall(int calls)
    {
        int sum = 0;
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++) sum += Native.rocksdb_iter_valid_with_transition(_handle);
        double with = Stopwatch.GetElapsedTime(started).TotalNanoseconds / calls;
        started = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++) sum += Native.rocksdb_iter_valid(_handle);
        double without = Stopwatch.GetElapsedTime(started).TotalNanoseconds / calls;
        return sum >= 0 ? (with, without) : default;
    }

    /// <summary>Frees it; idempotent.</summary>
    public void Dispose()
    {
        if (_handle != 0) Native.rocksdb_iter_destroy(_handle);
        _handle = 0;
    }
}
