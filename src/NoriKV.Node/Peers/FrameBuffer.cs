using System.Buffers;

namespace NoriKV.Node.Peers;

/// <summary>A growing buffer that can go back to where it stood.</summary>
internal sealed class FrameBuffer : IBufferWriter<byte>
{
    private byte[] _bytes = new byte[1024];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _bytes.Length - Length);
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(Length);
    }

    /// <summary>Forgets what was written behind a length.</summary>
    public void TruncateTo(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
        // What a burst took is given back.
        if (length == 0 && _bytes.Length > 1 << 20) _bytes = new byte[1024];
    }

    private void Reserve(int more)
    {
        if (_bytes.Length - Length >= Math.Max(more, 1)) return;
        Array.Resize(ref _bytes, Math.Max(checked(Length + Math.Max(more, 1)), _bytes.Length * 2));
    }
}
