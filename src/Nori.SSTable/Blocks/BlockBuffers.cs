using Nori.IO;

namespace Nori.SSTable.Blocks;

/// <summary>
/// What an iterator that does not fill the cache reads into: one readahead window, and one block per index
/// level.
/// </summary>
internal sealed class BlockBuffers(int readaheadBytes)
{
    private byte[] _single = [];
    private byte[] _window = [];
    private long _windowOffset;
    private int _windowLength;

    public Slot Index { get; } = new();

    public Slot Data { get; } = new();

    /// <summary>
    /// The stored bytes, out of the window when they are in it; moving forward, reads up to the window's
    /// size.
    /// </summary>
    /// <param name="file">The table.</param>
    /// <param name="offset">Where they begin.</param>
    /// <param name="count">How many.</param>
    /// <param name="limit">Where data ends and reading ahead stops.</param>
    /// <returns>Fewer bytes than asked only at the end of the file. Borrowed until the next call.</returns>
    public ReadOnlySpan<byte> ReadAhead(IFile file, long offset, int count, long limit)
    {
        long start = offset - _windowOffset;
        if (start >= 0 && start + count <= _windowLength) return _window.AsSpan((int)start, count);

        // Moving back, what follows was just read: take the block alone.
        int wanted = start < 0 ? count : (int)Math.Max(count, Math.Min(readaheadBytes, limit - offset));
        if (_window.Length < wanted) _window = new byte[wanted];
        _windowLength = 0;
        _windowLength = file.Read(offset, _window.AsSpan(0, wanted));
        _windowOffset = offset;
        return _window.AsSpan(0, Math.Min(count, _windowLength));
    }

    /// <summary>
    /// The stored bytes alone, not touching the window: index blocks lie behind the data that is read next.
    /// </summary>
    public ReadOnlySpan<byte> Read(IFile file, long offset, int count)
    {
        if (_single.Length < count) _single = new byte[count];
        return _single.AsSpan(0, file.Read(offset, _single.AsSpan(0, count)));
    }

    /// <summary>Room for one uncompressed block.</summary>
    internal sealed class Slot
    {
        private byte[] _bytes = [];

        public byte[] Reserve(int length)
        {
            if (_bytes.Length < length) _bytes = new byte[Math.Max(length, 2 * _bytes.Length)];
            return _bytes;
        }
    }
}
