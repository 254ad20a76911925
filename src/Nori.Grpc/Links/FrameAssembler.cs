namespace Nori.Grpc;

/// <summary>Puts frames together that came in parts.</summary>
/// <remarks>Not thread-safe: one for each stream.</remarks>
public sealed class FrameAssembler
{
    private readonly int _frameBytesMax;
    private readonly List<ReadOnlyMemory<byte>> _parts = [];
    private int _bytes;

    /// <summary>For frames up to a size.</summary>
    public FrameAssembler(int frameBytesMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(frameBytesMax);
        _frameBytesMax = frameBytesMax;
    }

    /// <summary>Takes the next part; true when a frame is whole with it.</summary>
    /// <exception cref="GrpcException">The frame is larger than it may be; RESOURCE_EXHAUSTED.</exception>
    public bool TryAdd(FramePart part, out ReadOnlyMemory<byte> frame)
    {
        frame = part.Bytes;
        if (part.Bytes.Length > _frameBytesMax - _bytes)
            throw new GrpcException(GrpcStatusCode.ResourceExhausted, $"A frame exceeds {_frameBytesMax} bytes.");
        if (part.IsLast && _parts.Count == 0) return true;
        // Parts without bytes would cost memory and count for nothing.
        if (!part.Bytes.IsEmpty) _parts.Add(part.Bytes);
        _bytes += part.Bytes.Length;
        if (!part.IsLast) return false;
        byte[] whole = GC.AllocateUninitializedArray<byte>(_bytes);
        int at = 0;
        foreach (ReadOnlyMemory<byte> piece in _parts)
        {
            piece.CopyTo(whole.AsMemory(at));
            at += piece.Length;
        }

        _parts.Clear();
        _bytes = 0;
        frame = whole;
        return true;
    }
}
