namespace Nori.Lsm;

/// <summary>A copy of a key that is overwritten by the next one.</summary>
internal sealed class KeyBuffer
{
    private byte[] _bytes = new byte[64];
    private int _length = -1;

    public bool HasValue => _length >= 0;

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Math.Max(0, _length));

    public void Set(ReadOnlySpan<byte> key)
    {
        if (key.Length > _bytes.Length) _bytes = new byte[Math.Max(key.Length, _bytes.Length * 2)];
        key.CopyTo(_bytes);
        _length = key.Length;
    }

    public bool Is(ReadOnlySpan<byte> key) => _length == key.Length && key.SequenceEqual(_bytes.AsSpan(0, _length));

    public void Clear() => _length = -1;
}
