namespace Nori.RocksDb;

/// <summary>A value that RocksDB holds in place until this is disposed.</summary>
public readonly unsafe ref struct RocksDbPinned
{
    private readonly nint _slice;

    internal RocksDbPinned(nint slice) => _slice = slice;

    /// <summary>False when the key has no value.</summary>
    public bool Found => _slice != 0;

    /// <summary>The bytes; empty when there are none.</summary>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            if (_slice == 0) return default;
            nuint length;
            byte* bytes = Native.rocksdb_pinnableslice_value(_slice, &length);
            return new ReadOnlySpan<byte>(bytes, (int)length);
        }
    }

    /// <summary>Gives the value back; once.</summary>
    public void Dispose()
    {
        if (_slice != 0) Native.rocksdb_pinnableslice_destroy(_slice);
    }
}
