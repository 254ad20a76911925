using System.IO.Compression;

namespace NoriKV.Server.Live;

/// <summary>Lines as one deflated stream in pieces, made as they are asked for; what is ready can be read at once.</summary>
/// <param name="lines">The lines.</param>
/// <param name="pieceBytesMax">Bytes of a piece.</param>
internal sealed class HourPieces(IEnumerable<ReadOnlyMemory<byte>> lines, int pieceBytesMax) : IDisposable
{
    // Lines between two flushes: each flush costs some bytes, and lets the reader see what it got.
    private const int LinesPerFlush = 8;

    private readonly IEnumerator<ReadOnlyMemory<byte>> _lines = lines.GetEnumerator();
    private readonly MemoryStream _ready = new();
    private DeflateStream? _deflate;
    private bool _isDone;

    /// <summary>The next piece; empty behind the last.</summary>
    public ReadOnlyMemory<byte> Next()
    {
        _deflate ??= new DeflateStream(_ready, CompressionLevel.Optimal, leaveOpen: true);
        while (!_isDone && _ready.Length < pieceBytesMax) Write();
        int length = (int)Math.Min(pieceBytesMax, _ready.Length);
        byte[] all = _ready.GetBuffer();
        byte[] piece = all[..length];
        int left = (int)_ready.Length - length;
        all.AsSpan(length, left).CopyTo(all);
        _ready.SetLength(left);
        _ready.Position = left;
        return piece;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lines.Dispose();
        _deflate?.Dispose();
        _ready.Dispose();
    }

    private void Write()
    {
        for (int i = 0; i < LinesPerFlush && !_isDone; i++)
        {
            if (_lines.MoveNext()) _deflate!.Write(_lines.Current.Span);
            else _isDone = true;
        }

        if (_isDone) _deflate!.Dispose();
        else _deflate!.Flush();
    }
}
