using System.Buffers.Binary;
using Nori.Lsm.Iteration;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm.Compaction;

/// <summary>
/// Decides, entry by entry in internal order, what survives a flush or a compaction. Nothing that a snapshot or
/// the latest
/// reader can see is lost, and nothing that was deleted or has expired comes back:
/// an older entry goes when a newer one of its key, or a range tombstone, is seen by every snapshot that sees
/// it; a
/// tombstone goes only when every snapshot sees it and no deeper level can hold its key; an expired put becomes
/// a tombstone. A put that every snapshot sees and that nothing older can lie below keeps its value and loses its
/// sequence number, which nobody compares any more (docs/decisions/0142).
/// </summary>
internal sealed class EntryMerger
{
    private readonly InternalIterator _input;
    private readonly RangeTombstoneSet _tombstones;
    private readonly ulong[] _snapshots;
    private readonly LsmVersion? _below;
    private readonly int _outputLevel;
    private readonly ExpiryCutoff _cutoff;
    private readonly bool _isBottom;
    private readonly KeyBuffer _key = new();
    private int _lastStripe;

    /// <summary>Starts at the input's first entry.</summary>
    /// <param name="input">All entries, in internal order.</param>
    /// <param name="tombstones">All range tombstones of the input, one per fragment and stripe.</param>
    /// <param name="snapshots">Rising.</param>
    /// <param name="below">Tells what deeper levels may hold; null: everything.</param>
    /// <param name="outputLevel">Where the output goes.</param>
    /// <param name="cutoff">Judges expiry.</param>
    /// <param name="isBottom">True: no deeper level has a table in the range of the input.</param>
    public EntryMerger(
        InternalIterator input, RangeTombstoneSet tombstones, ulong[] snapshots, LsmVersion? below, int outputLevel,
        ExpiryCutoff cutoff, bool isBottom = false)
    {
        _isBottom = isBottom;
        _input = input;
        _tombstones = tombstones;
        _snapshots = snapshots;
        _below = below;
        _outputLevel = outputLevel;
        _cutoff = cutoff;
        _input.SeekToFirst();
        Find();
    }

    public delegate long ExpiryCutoff(ReadOnlySpan<byte> key);

    /// <summary>True while an entry to write is current.</summary>
    public bool Valid { get; private set; }

    /// <summary>
    /// True when the current entry is the first written of its key: a table may end before it.
    /// </summary>
    public bool IsNewKey { get; private set; }

    /// <summary>Input entries read so far and their bytes.</summary>
    public long EntriesRead { get; private set; }

    public long BytesRead { get; private set; }

    public long EntriesDropped { get; private set; }

    public long EntriesExpired { get; private set; }

    public ReadOnlySpan<byte> Key => _key.Span;

    public ulong TrailerValue { get; private set; }

    public ReadOnlySpan<byte> Value => Trailer.KindOf(TrailerValue) == EntryKind.Delete ? default : _input.Value;

    private bool _wroteKey;

    public void Next()
    {
        _wroteKey = true;
        Step();
        Find();
    }

    /// <summary>The range tombstones to write into a table of [lower, upper): null bounds are open.</summary>
    public void WriteRangeTombstones(byte[]? lower, byte[]? upper, Action<byte[], byte[], ulong> write)
    {
        for (int i = lower is null ? 0 : _tombstones.FirstEndingBehind(lower); i < _tombstones.Count; i++)
        {
            (byte[] start, byte[] end, ulong[] sequences) = _tombstones[i];
            if (lower is not null && start.AsSpan().SequenceCompareTo(lower) < 0) start = lower;
            if (upper is not null && end.AsSpan().SequenceCompareTo(upper) > 0) end = upper;
            if (start.AsSpan().SequenceCompareTo(end) >= 0) return;
            foreach (ulong sequence in sequences)
            {
                if (Stripes.Of(_snapshots, sequence) == 0 && _below is not null
                    && !_below.DeeperOverlaps(_outputLevel, start, end))
                {
                    continue;
                }

                write(start, end, sequence);
            }
        }
    }

    private void Find()
    {
        for (; _input.Valid; Step())
        {
            ReadOnlySpan<byte> key = _input.UserKey;
            if (!_key.Is(key))
            {
                _key.Set(key);
                _lastStripe = -1;
                _wroteKey = false;
            }

            if (!Survives(_input.TrailerValue)) continue;
            IsNewKey = !_wroteKey;
            Valid = true;
            return;
        }

        Valid = false;
    }

    private void Step()
    {
        EntriesRead++;
        BytesRead += _input.UserKey.Length + _input.Value.Length + sizeof(ulong);
        _input.Next();
    }

    private bool Survives(ulong trailer)
    {
        ulong sequence = Trailer.SequenceOf(trailer);
        int stripe = Stripes.Of(_snapshots, sequence);
        bool shadowed = stripe == _lastStripe;
        _lastStripe = stripe;
        if (!shadowed && !_tombstones.IsEmpty)
        {
            ulong tombstone = _tombstones.OldestAbove(_key.Span, sequence);
            shadowed = tombstone != 0 && Stripes.Of(_snapshots, tombstone) == stripe;
        }

        if (shadowed)
        {
            EntriesDropped++;
            return false;
        }

        EntryKind kind = Trailer.KindOf(trailer);
        if (kind == EntryKind.PutWithExpiry
            && BinaryPrimitives.ReadInt64LittleEndian(_input.Value) <= _cutoff(_key.Span))
        {
            // Not simply dropped: an older value of the key, in a deeper level, would come back.
            kind = EntryKind.Delete;
            EntriesExpired++;
        }

        if (kind == EntryKind.Delete && stripe == 0 && _below is not null
            && !_below.DeeperMayHold(_outputLevel, _key.Span))
        {
            EntriesDropped++;
            return false;
        }

        // Stripe 0: every snapshot sees it, so what it shadowed goes here, and the range tombstones of its stripe go
        // with it (isBottom); what is left to compare it with is newer, and 0 is older than all of that.
        TrailerValue = Trailer.Make(_isBottom && stripe == 0 && kind != EntryKind.Delete ? 0 : sequence, kind);
        return true;
    }
}
