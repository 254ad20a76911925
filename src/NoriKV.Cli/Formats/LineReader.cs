namespace NoriKV.Cli.Formats;

/// <summary>
/// Cuts a stream into lines and knows where each ends. A carriage return before the line feed is dropped, and so is a byte
/// order mark in front of the first line, which some editors write.
/// </summary>
internal sealed class LineReader(Stream input, long offset = 0, long number = 0)
{
    /// <summary>The longest line: a value of 1 MiB with every byte escaped, and its key.</summary>
    public const int LineBytesMax = 16 << 20;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private byte[] _buffer = new byte[64 << 10];
    private int _start;
    private int _end;
    private bool _ended;

    /// <summary>The line, without its end; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Line { get; private set; }

    /// <summary>Its number, from 1.</summary>
    public long Number { get; private set; } = number;

    /// <summary>Where the next line begins, in bytes.</summary>
    public long Offset { get; private set; } = offset;

    /// <summary>True when the line ended with a line feed, false for a last line without one.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Reads the next line; false at the end.</summary>
    /// <exception cref="InvalidDataException">A line is longer than <see cref="LineBytesMax"/>.</exception>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        int searched = 0;
        while (true)
        {
            int feed = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (feed >= 0) return Take(searched + feed, 1);
            searched = _end - _start;
            if (_ended) return searched > 0 && Take(searched, 0);
            if (searched > LineBytesMax)
            {
                throw new InvalidDataException($"line {Number + 1} is longer than {LineBytesMax} bytes");
            }

            await FillAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private bool Take(int length, int feed)
    {
        ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, length);
        if (Offset == 0 && line.Span.StartsWith(ByteOrderMark)) line = line[ByteOrderMark.Length..];
        Line = !line.IsEmpty && line.Span[^1] == '\r' ? line[..^1] : line;
        IsWhole = feed == 1;
        _start += length + feed;
        Offset += length + feed;
        Number++;
        return true;
    }

    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length) Array.Resize(ref _buffer, _buffer.Length * 2);
        int read = await input.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        _end += read;
        _ended = read == 0;
    }
}
