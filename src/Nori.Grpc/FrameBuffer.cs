using System.Buffers;
using System.Runtime.CompilerServices;

namespace Nori.Grpc;

/// <summary>
/// A pooled, growing buffer of framed messages. Its array goes back to the pool on dispose.
/// </summary>
internal sealed class FrameBuffer : IBufferWriter<byte>, IDisposable
{
    private const int InitialBytes = 1024;
    private byte[] _array = [];
    private int _length;

    /// <summary>What was written; borrowed until the next call.</summary>
    public ReadOnlyMemory<byte> Written => _array.AsMemory(0, _length);

    /// <summary>Appends prefix and message.</summary>
    public void Append<T>(Marshaller<T> marshaller, T message)
    {
        int start = _length;
        if (marshaller.Size is { } size) Reserve(size(message) + FrameReader.PrefixBytes);
        GetSpan(FrameReader.PrefixBytes);
        _length += FrameReader.PrefixBytes;
        marshaller.Serialize(message, this);
        FrameWriter.WritePrefix(_array.AsSpan(start), _length - start - FrameReader.PrefixBytes);
    }

    /// <summary>Forgets the content and keeps the array.</summary>
    public void Clear() => _length = 0;

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _array.Length - _length);
        _length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _array.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _array.AsSpan(_length);
    }

    public void Dispose()
    {
        byte[] array = _array;
        _array = [];
        _length = 0;
        if (array.Length > 0) ArrayPool<byte>.Shared.Return(array);
    }

    private void Reserve(int bytes)
    {
        if (_array.Length - _length < bytes) Grow(bytes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int bytes)
    {
        long wanted = Math.Max((long)_length + bytes, Math.Max(InitialBytes, 2L * _length));
        byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(wanted, Array.MaxLength));
        _array.AsSpan(0, _length).CopyTo(larger);
        if (_array.Length > 0) ArrayPool<byte>.Shared.Return(_array);
        _array = larger;
    }
}
