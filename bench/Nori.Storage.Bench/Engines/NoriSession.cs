using System.Buffers;
using Nori.Lsm;

namespace Nori.Storage.Bench.Engines;

internal sealed class NoriSession(LsmEngine engine) : EngineSession
{
    private readonly WriteBatch _batch = new();
    private readonly ArrayBufferWriter<byte> _value = new(1 << 17);
    private readonly byte[] _start = new byte[Data.Keys.Length];
    private long _touched;

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _batch.Clear();
        _batch.Put(key, value);
        engine.Write(_batch);
    }

    public override int Get(ReadOnlySpan<byte> key)
    {
        using LsmBorrowedValue value = engine.Borrow(key);
        return value.Found ? value.Value.Length : -1;
    }

    // By the other way to read, so that the check sees both.
    public override byte[]? Read(ReadOnlySpan<byte> key)
    {
        _value.ResetWrittenCount();
        return engine.TryGet(key, _value, out _) ? _value.WrittenSpan.ToArray() : null;
    }

    public override int Scan(ReadOnlySpan<byte> start, int entriesMax)
    {
        start.CopyTo(_start);
        using LsmIterator iterator = engine.Scan(ScanRange.Between(_start, null));
        int entries = 0;
        for (; entries < entriesMax && iterator.MoveNext(); entries++)
            _touched += iterator.Key.Length + iterator.Value.Length;
        return entries;
    }

    public override long Walk(Visit? visit, long entriesMax = long.MaxValue)
    {
        using LsmIterator iterator = engine.Scan(ScanRange.All);
        long entries = 0;
        for (; entries < entriesMax && iterator.MoveNext(); entries++)
        {
            if (visit is null) _touched += iterator.Key.Length + iterator.Value.Length;
            else visit(iterator.Key, iterator.Value);
        }

        return entries;
    }

    public override void Dispose() => GC.KeepAlive(_touched);
}
