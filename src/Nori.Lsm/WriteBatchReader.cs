using Nori.Core;
using Nori.SSTable;

namespace Nori.Lsm;

/// <summary>
/// Walks the operations of a batch; stops with <see cref="IsMalformed"/> at bytes that are none.
/// </summary>
internal ref struct WriteBatchReader(ReadOnlySpan<byte> operations)
{
    private SpanReader _reader = new(operations);

    /// <summary>True when the walk ended before the bytes did.</summary>
    public bool IsMalformed { get; private set; }

    public bool TryRead(out EntryKind kind, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        kind = default;
        key = default;
        value = default;
        if (_reader.AtEnd) return false;
        bool ok = _reader.TryReadByte(out byte rawKind) && _reader.TryReadLengthPrefixed(out key);
        kind = (EntryKind)rawKind;
        ok = ok && kind switch
        {
            EntryKind.Delete => true,
            EntryKind.Put => _reader.TryReadLengthPrefixed(out value),
            EntryKind.PutWithExpiry => _reader.TryReadLengthPrefixed(out value) && value.Length >= sizeof(long),
            EntryKind.RangeDelete => _reader.TryReadLengthPrefixed(out value) && key.SequenceCompareTo(value) < 0,
            _ => false,
        };
        IsMalformed |= !ok;
        return ok;
    }
}
