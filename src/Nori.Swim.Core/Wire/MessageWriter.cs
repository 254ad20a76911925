using System.Buffers.Binary;
using Nori.Core;

namespace Nori.Swim.Core.Wire;

// A message, format 1 (docs/formats/swim.md); integers little-endian, "text" is a varint length and ASCII:
//
//   version u8 = 1 | kind u8 | cluster text | sender text | instance u64 | health u8 | sequence u32
//   | body | count u16 | count × update | CRC-32C u32 of all before
//
//   body:    Ping: target text          PingReq: target text, address text          others: nothing
//   update:  state u8 | id text | incarnation varint
//            Alive: instance u64 | protocol u8 | address text | metadata (varint length, bytes)
//            Suspect, Failed: accuser text          Left: nothing

/// <summary>Builds one message at a time in a buffer of its own.</summary>
internal sealed class MessageWriter(int bytesMax)
{
    public const byte Version = 1;
    public const int AddressBytesMax = 128;

    /// <summary>Everything of a message but its updates, at most.</summary>
    public const int OverheadBytesMax =
        2 + (2 * TextBytesMax) + 8 + 1 + 4 + TextBytesMax + 2 + AddressBytesMax + CountBytes + ChecksumBytes;

    private const int TextBytesMax = 1 + MemberId.LengthMax;
    private const int CountBytes = 2;
    private const int ChecksumBytes = 4;
    private const int SmallestUpdateBytes = 8;

    private byte[] _buffer = new byte[Math.Min(bytesMax, 2048)];
    private int _length;
    private int _countAt;
    private int _count;

    public bool IsNearlyFull => bytesMax - _length < SmallestUpdateBytes + ChecksumBytes;

    public static int UpdateBytesMax(int metadataBytesMax) =>
        1 + TextBytesMax + Varint.BytesMax + 8 + 1 + 2 + AddressBytesMax + 2 + metadataBytesMax;

    public void Begin(MessageKind kind, ReadOnlySpan<byte> cluster, Member sender, int health, uint sequence) =>
        Begin(kind, cluster, sender.IdBytes, sender.Instance, health, sequence);

    public void Begin(
        MessageKind kind, ReadOnlySpan<byte> cluster, ReadOnlySpan<byte> sender, ulong instance, int health, uint sequence)
    {
        (_length, _count) = (0, 0);
        Byte(Version);
        Byte((byte)kind);
        Text(cluster);
        Text(sender);
        UInt64(instance);
        Byte((byte)health);
        BinaryPrimitives.WriteUInt32LittleEndian(Take(4), sequence);
    }

    /// <summary>A part of the body.</summary>
    public void Text(ReadOnlySpan<byte> bytes)
    {
        Varint.Write(Take(Varint.SizeOf((ulong)bytes.Length)), (ulong)bytes.Length);
        bytes.CopyTo(Take(bytes.Length));
    }

    /// <summary>Ends the body.</summary>
    public void BeginUpdates()
    {
        _countAt = _length;
        Take(CountBytes).Clear();
    }

    /// <summary>Appends what the member's record says now; false, and nothing changed, when it does not fit.</summary>
    public bool TryAppend(Member member) =>
        TryAppend(member, member.State, member.Accuser);

    /// <summary>Appends an Alive claim in front of a suspicion, so that the receiver has the address.</summary>
    public bool TryAppendDescription(Member member) => TryAppend(member, MemberState.Alive, []);

    /// <summary>The finished message; the writer can begin the next.</summary>
    public byte[] Finish()
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(_countAt), (ushort)_count);
        uint crc = Crc32C.Compute(_buffer.AsSpan(0, _length));
        BinaryPrimitives.WriteUInt32LittleEndian(Take(ChecksumBytes), crc);
        Invariant.Assert(_length <= bytesMax);
        return _buffer.AsSpan(0, _length).ToArray();
    }

    private bool TryAppend(Member member, MemberState state, ReadOnlySpan<byte> accuser)
    {
        int size = 1 + SizeOf(member.IdBytes) + Varint.SizeOf(member.Incarnation) + state switch
        {
            MemberState.Alive => 8 + 1 + SizeOf(member.AddressBytes) + SizeOf(member.Metadata),
            MemberState.Left => 0,
            _ => SizeOf(accuser),
        };
        if (_length + size + ChecksumBytes > bytesMax || _count == ushort.MaxValue) return false;

        Byte((byte)state);
        Text(member.IdBytes);
        Varint.Write(Take(Varint.SizeOf(member.Incarnation)), member.Incarnation);
        if (state == MemberState.Alive)
        {
            UInt64(member.Instance);
            Byte(member.Protocol);
            Text(member.AddressBytes);
            Text(member.Metadata);
        }
        else if (state != MemberState.Left)
        {
            Text(accuser);
        }

        _count++;
        return true;
    }

    private static int SizeOf(ReadOnlySpan<byte> bytes) => Varint.SizeOf((ulong)bytes.Length) + bytes.Length;

    private void Byte(byte value) => Take(1)[0] = value;

    private void UInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    private Span<byte> Take(int count)
    {
        if (_length + count > _buffer.Length) Array.Resize(ref _buffer, Math.Max(_length + count, 2 * _buffer.Length));
        Span<byte> taken = _buffer.AsSpan(_length, count);
        _length += count;
        return taken;
    }
}
