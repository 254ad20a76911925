using Nori.Lsm.Iteration;

namespace Nori.Lsm.Memtables;

/// <summary>Walks a memtable both ways; the reference on the memtable is its creator's.</summary>
internal sealed unsafe class MemtableIterator(SkipList list) : InternalIterator
{
    private byte* _node;

    public override bool Valid => _node != null;

    public override ReadOnlySpan<byte> UserKey => SkipList.KeyOf(_node);

    public override ulong TrailerValue => SkipList.TrailerOf(_node);

    public override ReadOnlySpan<byte> Value => SkipList.ValueOf(_node);

    public override void SeekToFirst() => _node = list.First;

    public override void SeekToLast() => _node = list.FindLast();

    public override void Seek(ReadOnlySpan<byte> userKey, ulong sequence) =>
        _node = list.FindAtOrAfter(userKey, Trailer.Seek(sequence));

    public override void SeekForPrev(ReadOnlySpan<byte> userKey, ulong sequence) =>
        // At or before (key, sequence) is: before the first trailer of the next lower sequence.
        _node = list.FindBefore(userKey, sequence == 0 ? 0 : Trailer.Seek(sequence - 1));

    public override void Next() => _node = SkipList.NextOf(_node);

    public override void Prev() => _node = list.FindBefore(SkipList.KeyOf(_node), SkipList.TrailerOf(_node));
}
