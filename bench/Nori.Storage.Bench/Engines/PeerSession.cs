using Nori.RocksDb;

namespace Nori.Storage.Bench.Engines;

/// <summary>As db_bench does it: a reused batch of one, pinned reads, a new iterator for each seek.</summary>
internal sealed class PeerSession(RocksDbDatabase database) : EngineSession
{
    private readonly RocksDbBatch _batch = new();
    private long _touched;

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _batch.Clear();
        _batch.Put(key, value);
        database.Write(_batch);
    }

    public override int Get(ReadOnlySpan<byte> key)
    {
        using RocksDbPinned pinned = database.Get(key);
        return pinned.Found ? pinned.Value.Length : -1;
    }

    public override byte[]? Read(ReadOnlySpan<byte> key)
    {
        using RocksDbPinned pinned = database.Get(key);
        return pinned.Found ? pinned.Value.ToArray() : null;
    }

    public override int Scan(ReadOnlySpan<byte> start, int entriesMax)
    {
        using RocksDbIterator iterator = database.NewIterator();
        iterator.Seek(start);
        int entries = 0;
        for (; entries < entriesMax && iterator.Valid; entries++)
        {
            _touched += iterator.Key.Length + iterator.Value.Length;
            iterator.Next();
        }

        if (entries < entriesMax) iterator.ThrowIfFailed();
        return entries;
    }

    public override long Walk(Visit? visit, long entriesMax = long.MaxValue)
    {
        using RocksDbIterator iterator = database.NewIterator();
        long entries = 0;
        for (iterator.SeekToFirst(); entries < entriesMax && iterator.Valid; iterator.Next(), entries++)
        {
            if (visit is null) _touched += iterator.Key.Length + iterator.Value.Length;
            else visit(iterator.Key, iterator.Value);
        }

        iterator.ThrowIfFailed();
        return entries;
    }

    public override void Dispose()
    {
        GC.KeepAlive(_touched);
        _batch.Dispose();
    }
}
