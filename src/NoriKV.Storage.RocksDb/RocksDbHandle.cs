using System.Buffers.Binary;
using Nori.Core;
using Nori.RocksDb;
using NoriKV.Node.Ports;

namespace NoriKV.Storage.RocksDb;

/// <summary>The open database and those who use it: it closes with the last of them, as RocksDB demands.</summary>
internal sealed class RocksDbHandle(RocksDbDatabase database)
{
    private int _users = 1;

    public RocksDbDatabase Database { get; } = database;

    public void Acquire()
    {
        int users = Interlocked.Increment(ref _users);
        Invariant.Assert(users > 1);
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0) Database.Dispose();
    }

    public bool TryGet(ReadOnlySpan<byte> key, RocksDbSnapshot? snapshot, out StoredEntry entry)
    {
        using RocksDbPinned pinned = Database.Get(key, snapshot);
        entry = default;
        if (!pinned.Found) return false;
        ReadOnlySpan<byte> stored = pinned.Value;
        entry = new StoredEntry(
            stored[RocksDbStorageBatch.ExpiryBytes..].ToArray(), BinaryPrimitives.ReadInt64LittleEndian(stored));
        return true;
    }
}
