using System.Buffers.Binary;
using System.Text;

namespace Nori.Observe.Otlp;

/// <summary>
/// Writes protobuf (https://protobuf.dev/programming-guides/encoding/): a tag, then the value. The length of a nested message
/// is not known when it begins, so four bytes are kept for it: a varint may be longer than it need be.
/// <code>
/// tag = field number &lt;&lt; 3 | type      type 0: varint   1: eight bytes   2: length, bytes
/// </code>
/// </summary>
/// <remarks>Not thread-safe. The buffer is kept between messages.</remarks>
internal sealed class ProtoWriter
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Length = 2;
    private const int LengthBytes = 4;

    private byte[] _buffer = new byte[4096];

    public int Count { get; private set; }

    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, Count);

    public void Clear() => Count = 0;

    /// <summary>Begins a nested message; its end is told with what this returns.</summary>
    public int Begin(int field)
    {
        Tag(field, Length);
        Room(LengthBytes);
        Count += LengthBytes;
        return Count;
    }

    public void End(int begin)
    {
        int length = Count - begin;
        if (length >= 1 << (7 * LengthBytes)) throw new InvalidOperationException("a message has more than 256 MiB");
        for (int i = LengthBytes; i > 0; i--)
        {
            _buffer[begin - i] = (byte)((length & 0x7F) | (i > 1 ? 0x80 : 0));
            length >>= 7;
        }
    }

    public void Text(int field, string value)
    {
        Tag(field, Length);
        int bytes = Encoding.UTF8.GetByteCount(value);
        Raw((ulong)bytes);
        Encoding.UTF8.GetBytes(value, Room(bytes));
        Count += bytes;
    }

    /// <summary>An id: bytes, most significant first.</summary>
    public void Id(int field, ulong value)
    {
        Tag(field, Length);
        Raw(8);
        BigEndian(value);
    }

    public void Id(int field, ulong high, ulong low)
    {
        Tag(field, Length);
        Raw(16);
        BigEndian(high);
        BigEndian(low);
    }

    public void Number(int field, ulong value)
    {
        Tag(field, Varint);
        Raw(value);
    }

    public void Fixed(int field, ulong value)
    {
        Tag(field, Fixed64);
        LittleEndian(value);
    }

    public void Double(int field, double value) => Fixed(field, BitConverter.DoubleToUInt64Bits(value));

    public void Packed(int field, IReadOnlyList<long> values)
    {
        Tag(field, Length);
        Raw((ulong)values.Count * 8);
        for (int i = 0; i < values.Count; i++) LittleEndian((ulong)values[i]);
    }

    public void Packed(int field, IReadOnlyList<double> values)
    {
        Tag(field, Length);
        Raw((ulong)values.Count * 8);
        for (int i = 0; i < values.Count; i++) LittleEndian(BitConverter.DoubleToUInt64Bits(values[i]));
    }

    private void Tag(int field, int type) => Raw(((ulong)field << 3) | (uint)type);

    private void Raw(ulong value)
    {
        Span<byte> room = Room(10);
        int i = 0;
        for (; value >= 0x80; value >>= 7) room[i++] = (byte)(value | 0x80);
        room[i++] = (byte)value;
        Count += i;
    }

    private void LittleEndian(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(Room(8), value);
        Count += 8;
    }

    private void BigEndian(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Room(8), value);
        Count += 8;
    }

    private Span<byte> Room(int bytes)
    {
        if (_buffer.Length - Count < bytes) Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, Count + bytes));
        return _buffer.AsSpan(Count);
    }
}
