using Nori.Core;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm.Iteration;

/// <summary>Walks the disjoint tables of a level as one, opening one at a time.</summary>
internal sealed class LevelSource(TableFile[] files, TableReadOptions options) : InternalIterator
{
    private int _index = -1;
    private TableSource? _current;

    public override bool Valid => _current is { Valid: true };

    public override ReadOnlySpan<byte> UserKey => _current!.UserKey;

    public override ulong TrailerValue => _current!.TrailerValue;

    public override ReadOnlySpan<byte> Value => _current!.Value;

    public override void SeekToFirst()
    {
        Open(0);
        _current?.SeekToFirst();
        SkipForward();
    }

    public override void SeekToLast()
    {
        Open(files.Length - 1);
        _current?.SeekToLast();
        SkipBackward();
    }

    public override void Seek(ReadOnlySpan<byte> userKey, ulong sequence)
    {
        Open(LsmVersion.FindTable(files, userKey));
        _current?.Seek(userKey, sequence);
        SkipForward();
    }

    public override void SeekForPrev(ReadOnlySpan<byte> userKey, ulong sequence)
    {
        int at = LsmVersion.FindTable(files, userKey);
        if (at == files.Length || files[at].Meta.Smallest.AsSpan().SequenceCompareTo(userKey) > 0) at--;
        Open(at);
        _current?.SeekForPrev(userKey, sequence);
        SkipBackward();
    }

    public override void Next()
    {
        Invariant.Assert(_current is not null);
        _current.Next();
        if (!_current.Valid) SkipForward();
    }

    public override void Prev()
    {
        Invariant.Assert(_current is not null);
        _current.Prev();
        if (!_current.Valid) SkipBackward();
    }

    protected override void Dispose(bool disposing)
    {
        _current?.Dispose();
        base.Dispose(disposing);
    }

    private void SkipForward()
    {
        while (_current is { Valid: false })
        {
            Open(_index + 1);
            _current?.SeekToFirst();
        }
    }

    private void SkipBackward()
    {
        while (_current is { Valid: false })
        {
            Open(_index - 1);
            _current?.SeekToLast();
        }
    }

    private void Open(int index)
    {
        if (index == _index && _current is not null) return;
        _current?.Dispose();
        _current = null;
        _index = index;
        if (index >= 0 && index < files.Length) _current = new TableSource(files[index], options);
    }
}
