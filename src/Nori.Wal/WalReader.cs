using System.Buffers;
using System.Buffers.Binary;
using Nori.IO;

namespace Nori.Wal;

/// <summary>Reads records in order, each checked again. One thread at a time; the log may grow meanwhile.</summary>
public sealed class WalReader : IDisposable
{
    private const int WindowBytes = 256 << 10;

    private readonly SegmentFile[] _segments;
    private readonly IReadOnlyList<WalDamage> _damage;
    private readonly WalPosition _end;

    // 0: what it was asked to begin with was still there.
    private readonly ulong _deletedSegment;
    private byte[] _window = ArrayPool<byte>.Shared.Rent(WindowBytes);
    private long _windowStart;
    private int _windowLength;
    private int _index;
    private long _at;
    private uint _epochCrc;
    private byte[] _expanded = [];
    private int _payloadStart;
    private int _payloadLength;
    private bool _isExpanded;

    internal WalReader(
        SegmentFile[] segments, IReadOnlyList<WalDamage> damage, WalPosition position, WalPosition end)
    {
        _segments = segments;
        _damage = damage;
        _end = end;
        if (segments.Length > 0 && position.Segment >= segments[0].Number)
        {
            _index = (int)Math.Min(position.Segment - segments[0].Number, (ulong)segments.Length);
        }
        else if (segments.Length > 0 && position.Segment > 0)
        {
            _deletedSegment = position.Segment;
        }

        bool inside = _index < segments.Length && segments[_index].Number == position.Segment;
        Enter(inside ? Math.Max(position.Offset, WalFormat.FirstBatchOffset) : WalFormat.FirstBatchOffset);
    }

    /// <summary>Where the present record lies.</summary>
    public WalPosition Position { get; private set; }

    /// <summary>The present record's tag.</summary>
    public byte Type { get; private set; }

    /// <summary>Bytes its payload takes in the file.</summary>
    public int StoredBytes { get; private set; }

    /// <summary>The present record's payload, valid until the next <see cref="Read"/>.</summary>
    public ReadOnlySpan<byte> Payload =>
        _isExpanded ? _expanded : _window.AsSpan(_payloadStart, _payloadLength);

    /// <summary>Moves to the next record; false at the end.</summary>
    /// <exception cref="CorruptionException">A record is damaged, or the reader was made with a position that is
    /// none.</exception>
    /// <exception cref="InvalidOperationException">The segment was deleted before or while it was read, or the log was closed
    /// meanwhile.</exception>
    public bool Read()
    {
        if (_deletedSegment > 0)
        {
            throw new InvalidOperationException(
                $"segment {_deletedSegment} was deleted before it was read; the log begins with segment {_segments[0].Number}");
        }

        while (_index < _segments.Length)
        {
            SegmentFile segment = _segments[_index];
            try
            {
                long limit = segment.Number == _end.Segment ? _end.Offset : segment.End;
                if (segment.Number > _end.Segment) return false;
                if (_at < limit)
                {
                    if (Step(segment, limit)) return true;
                    continue;
                }
            }
            catch (Exception e) when (segment.Released && e is IOException or ObjectDisposedException)
            {
                throw new InvalidOperationException($"segment {segment.Number} was deleted while it was read", e);
            }

            _index++;
            Enter(WalFormat.FirstBatchOffset);
        }

        return false;
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose()
    {
        if (_window.Length > 0) ArrayPool<byte>.Shared.Return(_window);
        _window = [];
        _payloadStart = _payloadLength = _windowLength = 0;
        _index = _segments.Length;
    }

    private void Enter(long offset)
    {
        _at = offset;
        _windowLength = 0;
        if (_index < _segments.Length) _epochCrc = RecordHeader.EpochCrc(_segments[_index].Epoch);
    }

    /// <summary>Takes a batch header (false) or a record (true) at the present offset.</summary>
    private bool Step(SegmentFile segment, long limit)
    {
        if (_damage.Count > 0 && TrySkipDamage(segment)) return false;
        ReadOnlySpan<byte> head = Peek(segment, WalFormat.RecordHeaderBytes, limit);
        if (head.Length == WalFormat.RecordHeaderBytes
            && BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) == WalFormat.BatchTag)
        {
            ReadOnlySpan<byte> all = Peek(segment, WalFormat.BatchHeaderBytes, limit);
            if (!BatchHeader.TryDecode(all, segment.Epoch, (uint)_at, out _)) throw Damaged(segment);
            _at += WalFormat.BatchHeaderBytes;
            return false;
        }

        if (head.Length == WalFormat.RecordHeaderBytes
            && BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) == RepairBlock.GuardTag)
        {
            _at += RepairBlock.Bytes;
            return false;
        }

        if (!RecordHeader.TryDecode(head, out RecordHeader header)) throw Damaged(segment);
        if (_at + header.TotalBytes > limit) throw Damaged(segment);
        ReadOnlySpan<byte> record = Peek(segment, header.TotalBytes, limit);
        if (!RecordHeader.TryVerify(record, _epochCrc, out header)) throw Damaged(segment);
        Present(segment, header);
        _at += header.TotalBytes;
        return true;
    }

    private void Present(SegmentFile segment, in RecordHeader header)
    {
        Position = new WalPosition(segment.Number, (uint)_at);
        Type = header.Type;
        StoredBytes = header.StoredLength;
        _payloadStart = (int)(_at - _windowStart) + WalFormat.RecordHeaderBytes;
        _payloadLength = header.StoredLength;
        _isExpanded = header.Codec != Nori.Compression.CompressionType.None;
        if (!_isExpanded) return;
        ReadOnlySpan<byte> stored = _window.AsSpan(_payloadStart, _payloadLength);
        _expanded = RecordCodec.Expand(header, stored, segment.Path, _at).ToArray();
    }

    /// <summary>
    /// Jumps over a stretch that opening found damaged: whole batches, also where one record of them is good.
    /// </summary>
    private bool TrySkipDamage(SegmentFile segment)
    {
        var here = new WalPosition(segment.Number, (uint)_at);
        foreach (WalDamage damage in _damage)
        {
            if (here < damage.Start || here >= damage.End) continue;
            _at = damage.End.Offset;
            return true;
        }

        return false;
    }

    private CorruptionException Damaged(SegmentFile segment) =>
        new(segment.Path, _at, "a batch or a record with its checksum", "other bytes");

    private ReadOnlySpan<byte> Peek(SegmentFile segment, int count, long limit)
    {
        count = (int)Math.Min(count, limit - _at);
        if (_windowLength == 0 || _at < _windowStart || _at + count > _windowStart + _windowLength)
        {
            int wanted = (int)Math.Min(Math.Max(count, WindowBytes), limit - _at);
            if (wanted > _window.Length)
            {
                ArrayPool<byte>.Shared.Return(_window);
                _window = ArrayPool<byte>.Shared.Rent(wanted);
            }

            _windowStart = _at;
            _windowLength = segment.File.Read(_at, _window.AsSpan(0, wanted));
        }

        int start = (int)(_at - _windowStart);
        return _window.AsSpan(start, Math.Min(count, _windowLength - start));
    }
}
