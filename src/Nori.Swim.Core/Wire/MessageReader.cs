using System.Buffers.Binary;
using Nori.Core;

namespace Nori.Swim.Core.Wire;

/// <summary>A checked message: every field of every update was read once before anything is believed.</summary>
internal ref struct MessageReader
{
    /// <summary>Above this nobody could refute any more; nobody gets there by counting.</summary>
    internal const ulong IncarnationMax = ulong.MaxValue >> 1;

    private SpanReader _reader;

    public MessageKind Kind { get; private set; }

    public ReadOnlySpan<byte> Cluster { get; private set; }

    public ReadOnlySpan<byte> Sender { get; private set; }

    public ulong Instance { get; private set; }

    public byte Health { get; private set; }

    public uint Sequence { get; private set; }

    /// <summary>Ping and PingReq.</summary>
    public ReadOnlySpan<byte> Target { get; private set; }

    /// <summary>PingReq.</summary>
    public ReadOnlySpan<byte> Address { get; private set; }

    /// <summary>Updates not yet read.</summary>
    public int Count { get; private set; }

    public static MessageDrop TryRead(ReadOnlySpan<byte> bytes, int metadataBytesMax, out MessageReader message)
    {
        message = default;
        if (bytes.Length < 5) return MessageDrop.Malformed;
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]);
        if (Crc32C.Compute(bytes[..^4]) != crc) return MessageDrop.Malformed;
        if (bytes[0] != MessageWriter.Version) return MessageDrop.UnknownVersion;

        message._reader = new SpanReader(bytes[1..^4]);
        if (!message.TryReadHeader()) return MessageDrop.Malformed;
        MessageReader check = message;
        for (int i = 0; i < message.Count; i++)
        {
            if (!check.TryReadUpdate(metadataBytesMax, out _)) return MessageDrop.Malformed;
        }

        return check._reader.AtEnd ? MessageDrop.None : MessageDrop.Malformed;
    }

    public bool TryNext(out MemberUpdate update)
    {
        update = default;
        if (Count == 0) return false;
        Count--;
        bool ok = TryReadUpdate(int.MaxValue, out update);
        Invariant.Assert(ok);
        return true;
    }

    internal static bool IsAddress(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > MessageWriter.AddressBytesMax) return false;
        return !bytes.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E);
    }

    private bool TryReadHeader()
    {
        if (!_reader.TryReadByte(out byte kind)) return false;
        if (kind is < (byte)MessageKind.Ping or > (byte)MessageKind.StateReply) return false;
        Kind = (MessageKind)kind;
        if (!TryReadId(out ReadOnlySpan<byte> cluster)) return false;
        Cluster = cluster;
        if (!TryReadId(out ReadOnlySpan<byte> sender)) return false;
        Sender = sender;
        if (!_reader.TryReadUInt64(out ulong instance) || !_reader.TryReadByte(out byte health)) return false;
        if (!_reader.TryReadUInt32(out uint sequence)) return false;
        Instance = instance;
        Health = health;
        Sequence = sequence;
        if (Kind is MessageKind.Ping or MessageKind.PingReq)
        {
            if (!TryReadId(out ReadOnlySpan<byte> target)) return false;
            Target = target;
        }

        if (Kind is MessageKind.PingReq)
        {
            if (!_reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> address) || !IsAddress(address)) return false;
            Address = address;
        }

        bool ok = _reader.TryReadUInt16(out ushort count);
        Count = count;
        return ok;
    }

    private bool TryReadUpdate(int metadataBytesMax, out MemberUpdate update)
    {
        update = default;
        if (!_reader.TryReadByte(out byte state)) return false;
        if (state is < (byte)MemberState.Alive or > (byte)MemberState.Left) return false;
        update.State = (MemberState)state;
        if (!TryReadId(out update.Id) || !_reader.TryReadVarint(out update.Incarnation)) return false;
        if (update.Incarnation > IncarnationMax) return false;
        return update.State switch
        {
            MemberState.Alive => _reader.TryReadUInt64(out update.Instance)
                && _reader.TryReadByte(out update.Protocol)
                && _reader.TryReadLengthPrefixed(out update.Address) && IsAddress(update.Address)
                && _reader.TryReadLengthPrefixed(out update.Metadata) && update.Metadata.Length <= metadataBytesMax,
            MemberState.Left => true,
            _ => TryReadId(out update.Accuser),
        };
    }

    private bool TryReadId(out ReadOnlySpan<byte> id) =>
        _reader.TryReadLengthPrefixed(out id) && MemberId.IsValid(id);
}
