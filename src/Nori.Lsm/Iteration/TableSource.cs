using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm.Iteration;

/// <summary>
/// Walks one table; in an ingested one every entry has the sequence number that ingesting gave it.
/// </summary>
internal sealed class TableSource(TableFile file, TableReadOptions options) : InternalIterator
{
    private readonly TableIterator _inner = file.NewIterator(options);
    private readonly ulong _global = file.Meta.GlobalSequence;

    public override bool Valid => _inner.Valid;

    public override ReadOnlySpan<byte> UserKey => _inner.UserKey;

    public override ulong TrailerValue => Trailer.Make(_global != 0 ? _global : _inner.Sequence, _inner.Kind);

    public override ReadOnlySpan<byte> Value => _inner.Value;

    public override void SeekToFirst() => _inner.SeekToFirst();

    public override void SeekToLast() => _inner.SeekToLast();

    public override void Seek(ReadOnlySpan<byte> userKey, ulong sequence)
    {
        if (_global == 0)
        {
            _inner.Seek(userKey, sequence);
            return;
        }

        _inner.Seek(userKey, Trailer.SequenceMax);
        if (_global <= sequence) return;
        while (_inner.Valid && _inner.UserKey.SequenceEqual(userKey)) _inner.Next();
    }

    public override void SeekForPrev(ReadOnlySpan<byte> userKey, ulong sequence)
    {
        if (_global == 0)
        {
            _inner.SeekForPrev(userKey, sequence);
            return;
        }

        _inner.SeekForPrev(userKey, 0);
        if (_global >= sequence) return;
        while (_inner.Valid && _inner.UserKey.SequenceEqual(userKey)) _inner.Prev();
    }

    public override void Next() => _inner.Next();

    public override void Prev() => _inner.Prev();

    protected override void Dispose(bool disposing)
    {
        _inner.Dispose();
        base.Dispose(disposing);
    }
}
