using System.Buffers;
using System.Runtime.InteropServices;
using Nori.IO;

namespace Nori.Wal;

/// <summary>
/// Reads one segment from front to back through a window, checks batches and finds the next header past damage.
/// </summary>
internal sealed class SegmentScanner(IFile file, ulong epoch) : IDisposable
{
    // One read call takes this much; larger batches grow the window to their size, which their checked header and the
    // file's length bound.
    private const int WindowBytes = 1 << 20;

    private readonly uint _epochCrc = RecordHeader.EpochCrc(epoch);
    private byte[] _window = ArrayPool<byte>.Shared.Rent(WindowBytes);
    private long _windowStart;
    private int _windowLength;

    /// <summary>What the last <see cref="TryReadBatch"/> put right in what it gave, and not in the file; null nothing.</summary>
    public (long Offset, byte[] Bytes)? Mended { get; private set; }

    /// <summary>Why the last <see cref="TryReadBatch"/> failed.</summary>
    public string Expected { get; private set; } = "";

    /// <summary>What was there instead.</summary>
    public string Actual { get; private set; } = "";

    public void Dispose()
    {
        if (_window.Length > 0) ArrayPool<byte>.Shared.Return(_window);
        _window = [];
        _windowLength = 0;
    }

    /// <summary>
    /// Reads and checks the whole batch at the offset; it must end at or before the limit. One of which a sector is damaged is
    /// given as it was written, where it has a repair block.
    /// </summary>
    public bool TryReadBatch(long offset, long limit, out BatchHeader header, out ReadOnlySpan<byte> body)
    {
        Mended = null;
        if (TryReadWhole(offset, limit, out header, out body)) return true;
        string expected = Expected, actual = Actual;
        if (TryMend(offset, limit, out header, out body)) return true;
        (Expected, Actual) = (expected, actual);
        return false;
    }

    private bool TryReadWhole(long offset, long limit, out BatchHeader header, out ReadOnlySpan<byte> body)
    {
        body = default;
        ReadOnlySpan<byte> head = Peek(offset, WalFormat.BatchHeaderBytes, limit);
        if (!BatchHeader.TryDecode(head, epoch, (uint)offset, out header))
        {
            Expected = "a batch header";
            Actual = Describe(head);
            return false;
        }

        if (offset + header.TotalBytes > limit)
        {
            Expected = $"{header.BodyBytes} bytes of records";
            Actual = $"{Math.Max(0, limit - offset - WalFormat.BatchHeaderBytes)} bytes to the end";
            return false;
        }

        ReadOnlySpan<byte> all = Peek(offset, header.TotalBytes, limit);
        if (all.Length < header.TotalBytes)
        {
            Expected = $"{header.BodyBytes} bytes of records";
            Actual = $"{all.Length - WalFormat.BatchHeaderBytes} bytes to the end of the file";
            return false;
        }

        body = all.Slice(WalFormat.BatchHeaderBytes, header.BodyBytes);
        if (!VerifyRecords(body, header.Records)) return false;
        if (header.HasRepairBlock && !RepairBlock.IsWhole(all, header)) RenewRepairBlock(offset, all, header);
        return true;
    }

    /// <summary>A batch counts that is whole without its block; from then on the block must be right as well.</summary>
    private void RenewRepairBlock(long offset, ReadOnlySpan<byte> all, in BatchHeader header)
    {
        byte[] copy = all.ToArray();
        RepairBlock.Write(copy, header);
        Mended = (offset + all.Length - RepairBlock.Bytes, copy[^RepairBlock.Bytes..]);
    }

    private bool TryMend(long offset, long limit, out BatchHeader header, out ReadOnlySpan<byte> body)
    {
        body = default;
        if (!TryFindTrailer(offset, limit, out header)) return false;
        ReadOnlySpan<byte> all = Peek(offset, header.TotalBytes, limit);
        if (all.Length < header.TotalBytes) return false;
        byte[] copy = all.ToArray();
        if (!RepairBlock.TryMend(copy, header, out Range mended)) return false;
        body = copy.AsSpan(WalFormat.BatchHeaderBytes, header.BodyBytes);
        if (!VerifyRecords(body, header.Records)) return false;
        Mended = (offset + mended.Start.Value, copy[mended]);
        return true;
    }

    /// <summary>The trailer of the batch that begins at the offset: at its place if the header is whole, else by search.</summary>
    private bool TryFindTrailer(long offset, long limit, out BatchHeader header)
    {
        ReadOnlySpan<byte> head = Peek(offset, WalFormat.BatchHeaderBytes, limit);
        if (BatchHeader.TryDecode(head, epoch, (uint)offset, out header))
        {
            if (!header.HasRepairBlock || offset + header.TotalBytes > limit) return false;
            ReadOnlySpan<byte> trailer = Peek(offset + header.TotalBytes - RepairBlock.TrailerBytes, RepairBlock.TrailerBytes, limit);
            return RepairBlock.TryDecodeTrailer(trailer, epoch, out BatchHeader told) && told == header;
        }

        long from = offset + WalFormat.BatchHeaderBytes + RepairBlock.GuardBytes + RepairBlock.SectorBytes;
        while (TryFindHeader(from, limit, out long at, out header, trailersToo: true))
        {
            bool isTrailer = header.Offset != (uint)at;
            // The next batch begins: what lies before it has no trailer.
            if (!isTrailer) return false;
            if (header.Offset == (uint)offset) return at + RepairBlock.TrailerBytes == offset + header.TotalBytes;
            from = at + RepairBlock.TrailerBytes;
        }

        return false;
    }

    /// <summary>
    /// Finds the first header of this epoch at or behind <paramref name="from"/>. Batches begin at multiples of 8,
    /// so one
    /// look at each eight bytes is enough: about 10 ms for a segment of 128 MiB in memory.
    /// </summary>
    /// <param name="from">Where to begin.</param>
    /// <param name="limit">Where to end.</param>
    /// <param name="at">Where it was found.</param>
    /// <param name="header">The header.</param>
    /// <param name="trailersToo">True: also the trailers that repeat a header behind its batch.</param>
    public bool TryFindHeader(long from, long limit, out long at, out BatchHeader header, bool trailersToo = false)
    {
        for (at = WalFormat.Align(from); at + WalFormat.BatchHeaderBytes <= limit;)
        {
            ReadOnlySpan<byte> window = Peek(at, WindowBytes, limit);
            if (window.Length < WalFormat.BatchHeaderBytes) break;
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(window);
            int last = (window.Length - WalFormat.BatchHeaderBytes) / WalFormat.Alignment;
            for (int i = 0; i <= last; i++)
            {
                uint tag = (uint)(words[i] >> 32);
                if (tag != WalFormat.BatchTag && !(trailersToo && tag == RepairBlock.TrailerTag)) continue;
                long candidate = at + ((long)i * WalFormat.Alignment);
                ReadOnlySpan<byte> rest = window[(i * WalFormat.Alignment)..];
                if (tag != WalFormat.BatchTag && i > 0 && rest.Length < RepairBlock.TrailerBytes)
                {
                    // It may go on behind the window: once more, from here.
                    last = i - 1;
                    break;
                }

                bool isHeader = tag == WalFormat.BatchTag
                    ? BatchHeader.TryDecode(rest, epoch, (uint)candidate, out header)
                    : RepairBlock.TryDecodeTrailer(rest, epoch, out header);
                if (!isHeader) continue;
                at = candidate;
                return true;
            }

            at += (long)(last + 1) * WalFormat.Alignment;
        }

        header = default;
        return false;
    }

    private bool VerifyRecords(ReadOnlySpan<byte> body, int records)
    {
        int offset = 0;
        for (int i = 0; i < records; i++)
        {
            if (!RecordHeader.TryVerify(body[offset..], _epochCrc, out RecordHeader record))
            {
                Expected = $"record {i} of {records} with its checksum";
                Actual = "bytes of another checksum";
                return false;
            }

            offset += record.TotalBytes;
        }

        if (offset == body.Length) return true;
        Expected = $"{records} records of {body.Length} bytes";
        Actual = $"{offset} bytes";
        return false;
    }

    /// <summary>
    /// Up to <paramref name="count"/> bytes at the offset; fewer at the limit or the end of the file.
    /// </summary>
    private ReadOnlySpan<byte> Peek(long offset, int count, long limit)
    {
        count = (int)Math.Max(0, Math.Min(count, limit - offset));
        if (offset < _windowStart || offset + count > _windowStart + _windowLength) Fill(offset, count);
        int start = (int)(offset - _windowStart);
        return _window.AsSpan(start, Math.Min(count, _windowLength - start));
    }

    private void Fill(long offset, int count)
    {
        long rest = Math.Max(0, file.Length - offset);
        int wanted = (int)Math.Min(Math.Max(count, WindowBytes), rest);
        if (wanted > _window.Length)
        {
            ArrayPool<byte>.Shared.Return(_window);
            _window = ArrayPool<byte>.Shared.Rent(wanted);
        }

        _windowStart = offset;
        _windowLength = wanted == 0 ? 0 : file.Read(offset, _window.AsSpan(0, wanted));
    }

    private static string Describe(ReadOnlySpan<byte> head)
    {
        if (head.Length < WalFormat.BatchHeaderBytes) return $"{head.Length} bytes to the end";
        return head.IndexOfAnyExcept((byte)0) < 0 ? "zeros" : "other bytes: " + Convert.ToHexString(head[..24]);
    }
}
