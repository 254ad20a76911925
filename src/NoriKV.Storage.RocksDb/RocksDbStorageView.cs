using System.Buffers.Binary;
using Nori.RocksDb;
using NoriKV.Node.Ports;

namespace NoriKV.Storage.RocksDb;

/// <summary>A snapshot behind the port. The database stays open until the last view and iterator is gone.</summary>
internal sealed class RocksDbStorageView : IStorageView
{
    private readonly RocksDbHandle _handle;
    private readonly RocksDbSnapshot _snapshot;
    private int _disposed;

    public RocksDbStorageView(RocksDbHandle handle)
    {
        handle.Acquire();
        _handle = handle;
        _snapshot = handle.Database.NewSnapshot();
    }

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => _handle.TryGet(key, _snapshot, out entry);

    public IStorageIterator NewIterator(bool reverse) =>
        new Iterator(_handle, _handle.Database.NewIterator(_snapshot), reverse);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        _snapshot.Dispose();
        _handle.Release();
    }

    private sealed class Iterator : IStorageIterator
    {
        private readonly RocksDbHandle _handle;
        private readonly RocksDbIterator _inner;
        private readonly bool _reverse;
        private bool _begun;
        private bool _placed;
        private bool _disposed;

        public Iterator(RocksDbHandle handle, RocksDbIterator inner, bool reverse)
        {
            handle.Acquire();
            (_handle, _inner, _reverse) = (handle, inner, reverse);
        }

        public ReadOnlySpan<byte> Key => _inner.Key;

        public ReadOnlySpan<byte> Value => _inner.Value[RocksDbStorageBatch.ExpiryBytes..];

        public long ExpiryUnixMs => BinaryPrimitives.ReadInt64LittleEndian(_inner.Value);

        public void Seek(ReadOnlySpan<byte> key)
        {
            if (_reverse) _inner.SeekForPrevious(key);
            else _inner.Seek(key);
            _begun = _placed = true;
        }

        public bool MoveNext()
        {
            if (!_begun)
            {
                if (_reverse) _inner.SeekToLast();
                else _inner.SeekToFirst();
                _begun = true;
            }
            else if (!_placed && _inner.Valid)
            {
                if (_reverse) _inner.Previous();
                else _inner.Next();
            }

            _placed = false;
            if (_inner.Valid) return true;
            _inner.ThrowIfFailed();
            return false;
        }

        public void Dispose()
        {
            if (_disposed) return;
            _disposed = true;
            _inner.Dispose();
            _handle.Release();
        }
    }
}
