using System.Buffers.Binary;
using System.Collections;
using Nori.Core;
using Nori.Lsm.Iteration;
using Nori.SSTable;

namespace Nori.Lsm;

/// <summary>
/// Walks the visible entries of a range as of the moment it was made, whatever is written, flushed or compacted
/// meanwhile.
/// </summary>
/// <remarks>
/// One owner. Holds memory and files until disposed: hold it briefly. Enumerating it disposes it at the end.
/// </remarks>
public sealed class LsmIterator : IEnumerable<LsmEntry>, IDisposable
{
    // Behind this many entries of one key, or newer than the view, the source is asked to seek instead of to step.
    private const int StepsBeforeSeek = 8;

    private readonly InternalIterator _source;
    private readonly RangeTombstoneCover[] _tombstones;
    private readonly ulong _sequence;
    private readonly long _nowUnixMs;
    private readonly ScanRange _range;
    private Action? _release;
    private byte[] _key = new byte[64];
    private int _keyLength = -1;
    private byte[] _value = [];
    private int _valueLength;
    private ulong _trailer;
    private Place _place = Place.BeforeFirst;

    internal LsmIterator(
        InternalIterator source, RangeTombstoneCover[] tombstones, ulong sequence, long nowUnixMs, ScanRange range,
        Action release)
    {
        _source = source;
        _tombstones = tombstones;
        _sequence = sequence;
        _nowUnixMs = nowUnixMs;
        _range = range;
        _release = release;
    }

    private enum Place
    {
        BeforeFirst,
        AtEntry,
        Ended,
        Failed,
    }

    /// <summary>The current key, valid until the next move.</summary>
    public ReadOnlySpan<byte> Key
    {
        get
        {
            ThrowUnlessAtEntry();
            return _key.AsSpan(0, _keyLength);
        }
    }

    /// <summary>The current value, valid until the next move.</summary>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            ThrowUnlessAtEntry();
            ReadOnlySpan<byte> stored = StoredValue;
            return Trailer.KindOf(_trailer) == EntryKind.PutWithExpiry ? stored[sizeof(long)..] : stored;
        }
    }

    /// <summary>The current entry's sequence number, see <see cref="LsmValueInfo"/>.</summary>
    public ulong Sequence
    {
        get
        {
            ThrowUnlessAtEntry();
            return Trailer.SequenceOf(_trailer);
        }
    }

    /// <summary>When the current entry expires, in Unix milliseconds; 0 never.</summary>
    public long ExpiryUnixMs
    {
        get
        {
            ThrowUnlessAtEntry();
            return Trailer.KindOf(_trailer) == EntryKind.PutWithExpiry
                ? BinaryPrimitives.ReadInt64LittleEndian(StoredValue) : 0;
        }
    }

    /// <summary>The current entry, copied.</summary>
    public LsmEntry CopyCurrent() => new(Key.ToArray(), Value.ToArray(), Sequence, ExpiryUnixMs);

    private ReadOnlySpan<byte> StoredValue => _range.Reverse ? _value.AsSpan(0, _valueLength) : _source.Value;

    /// <summary>To the next entry; before the first call none is current. False at the end.</summary>
    /// <exception cref="Nori.IO.CorruptionException">A block on the way is damaged.</exception>
    /// <exception cref="Nori.IO.StorageException">A read failed. The walk stands nowhere: seek, or make another.</exception>
    /// <exception cref="InvalidOperationException">The move before failed.</exception>
    public bool MoveNext()
    {
        ObjectDisposedException.ThrowIf(_release is null, this);
        if (_place == Place.Ended) return false;
        // Never as if it had ended: what lies behind the failure would be missed without a word.
        if (_place == Place.Failed) throw new InvalidOperationException("the iterator failed before; seek, or make another");
        bool first = _place == Place.BeforeFirst;
        _place = Place.Failed;
        bool found = _range.Reverse ? MoveBackward(first) : MoveForward(first);
        _place = found ? Place.AtEntry : Place.Ended;
        return found;
    }

    /// <summary>
    /// Makes the next <see cref="MoveNext"/> go to the first entry at or behind the key in the walk's
    /// direction, within the range.
    /// </summary>
    public void Seek(ReadOnlySpan<byte> key)
    {
        ObjectDisposedException.ThrowIf(_release is null, this);
        _place = Place.Failed;
        if (_range.Reverse)
        {
            if (_range.End is { } end && key.SequenceCompareTo(end.Span) >= 0) SeekStart();
            else _source.SeekForPrev(key, 0);
        }
        else
        {
            if (key.SequenceCompareTo(_range.Start.Span) < 0) SeekStart();
            else _source.Seek(key, _sequence);
        }

        _keyLength = -1;
        _place = Place.BeforeFirst;
        _positioned = true;
    }

    private bool _positioned;

    /// <inheritdoc/>
    public IEnumerator<LsmEntry> GetEnumerator() => new Enumerator(this);

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The rest of the walk as an asynchronous stream; disposes the iterator at its end.</summary>
    public async IAsyncEnumerable<LsmEntry> ReadAllAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct = default)
    {
        using (this)
        {
            while (!ct.IsCancellationRequested && MoveNext()) yield return CopyCurrent();
        }

        ct.ThrowIfCancellationRequested();
        await Task.CompletedTask.ConfigureAwait(false);
    }

    /// <summary>Lets go of what it holds; idempotent.</summary>
    public void Dispose()
    {
        Action? release = Interlocked.Exchange(ref _release, null);
        if (release is null) return;
        _place = Place.Ended;
        _source.Dispose();
        release();
    }

    private void SeekStart()
    {
        if (_range.Reverse)
        {
            // No entry has the greatest sequence number, so this is the last entry below the end.
            if (_range.End is { } end) _source.SeekForPrev(end.Span, Trailer.SequenceMax);
            else _source.SeekToLast();
        }
        else if (_range.Start.IsEmpty)
        {
            _source.SeekToFirst();
        }
        else
        {
            _source.Seek(_range.Start.Span, _sequence);
        }
    }

    // Hot path: one key copy per entry, no allocation.
    private bool MoveForward(bool first)
    {
        if (first && !_positioned) SeekStart();
        else if (!first) _source.Next();
        _positioned = false;
        int steps = 0;
        for (; _source.Valid; )
        {
            ReadOnlySpan<byte> key = _source.UserKey;
            ulong trailer = _source.TrailerValue;
            ulong sequence = Trailer.SequenceOf(trailer);
            if (_keyLength >= 0 && key.SequenceEqual(_key.AsSpan(0, _keyLength)))
            {
                // An older entry of the key just judged.
                if (++steps < StepsBeforeSeek) _source.Next();
                else SkipRestOfKey();
                continue;
            }

            if (_range.End is { } end && key.SequenceCompareTo(end.Span) >= 0) return false;
            if (sequence > _sequence)
            {
                // Newer than this view; older ones of the key may follow.
                if (++steps < StepsBeforeSeek) _source.Next();
                else SeekVisible(key);
                continue;
            }

            steps = 0;
            CopyKey(key);
            if (IsVisible(key, trailer, _source.Value))
            {
                _trailer = trailer;
                return true;
            }

            _source.Next();
        }

        return false;
    }

    private void SkipRestOfKey()
    {
        ReadOnlySpan<byte> key = _key.AsSpan(0, _keyLength);
        _source.Seek(key, 0);
        while (_source.Valid && _source.UserKey.SequenceEqual(key)) _source.Next();
    }

    private void SeekVisible(ReadOnlySpan<byte> key)
    {
        byte[] copy = key.ToArray();
        _source.Seek(copy, _sequence);
    }

    private bool MoveBackward(bool first)
    {
        if (first && !_positioned) SeekStart();
        _positioned = false;
        while (_source.Valid)
        {
            if (_source.UserKey.SequenceCompareTo(_range.Start.Span) < 0) return false;
            CopyKey(_source.UserKey);
            bool any = false;
            // Within a key the walk goes from old to new: the last one at or below the view's sequence counts.
            for (; _source.Valid && _source.UserKey.SequenceEqual(_key.AsSpan(0, _keyLength)); _source.Prev())
            {
                ulong trailer = _source.TrailerValue;
                if (Trailer.SequenceOf(trailer) > _sequence) continue;
                any = true;
                _trailer = trailer;
                CopyValue(_source.Value);
            }

            if (any && IsVisible(_key.AsSpan(0, _keyLength), _trailer, _value.AsSpan(0, _valueLength))) return true;
        }

        return false;
    }

    private bool IsVisible(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> stored)
    {
        EntryKind kind = Trailer.KindOf(trailer);
        if (kind == EntryKind.Delete) return false;
        if (kind == EntryKind.PutWithExpiry && BinaryPrimitives.ReadInt64LittleEndian(stored) <= _nowUnixMs) return false;
        foreach (RangeTombstoneCover set in _tombstones)
            if (set.Covering(key, _sequence) > Trailer.SequenceOf(trailer)) return false;
        return true;
    }

    private void CopyKey(ReadOnlySpan<byte> key)
    {
        if (key.Length > _key.Length) _key = new byte[Math.Max(key.Length, _key.Length * 2)];
        key.CopyTo(_key);
        _keyLength = key.Length;
    }

    private void CopyValue(ReadOnlySpan<byte> value)
    {
        if (value.Length > _value.Length) _value = new byte[Math.Max(value.Length, Math.Max(256, _value.Length * 2))];
        value.CopyTo(_value);
        _valueLength = value.Length;
    }

    private void ThrowUnlessAtEntry()
    {
        if (_place != Place.AtEntry) throw new InvalidOperationException("the iterator is not at an entry");
    }

    // Its end is the walk's, also where nobody asked it for an entry.
    private sealed class Enumerator(LsmIterator walk) : IEnumerator<LsmEntry>
    {
        private bool _ended;

        public LsmEntry Current { get; private set; }

        object IEnumerator.Current => Current;

        public bool MoveNext()
        {
            if (_ended) return false;
            if (walk.MoveNext())
            {
                Current = walk.CopyCurrent();
                return true;
            }

            Dispose();
            return false;
        }

        public void Reset() => throw new NotSupportedException();

        public void Dispose()
        {
            _ended = true;
            walk.Dispose();
        }
    }
}
