using System.Buffers;
using System.Buffers.Binary;

namespace Nori.Grpc;

/// <summary>
/// Reads length-prefixed messages. Nothing is reserved for a length that a prefix only claims.
/// <code>
/// offset  bytes  what
/// 0       1      flag: 0 plain, 1 compressed
/// 1       4      length of the message, big-endian, unsigned
/// 5       length the message
/// </code>
/// </summary>
public static class FrameReader
{
    /// <summary>Bytes before each message.</summary>
    public const int PrefixBytes = 5;

    /// <summary>Looks for a message at the start of the buffer and, when there is one, cuts it off.</summary>
    /// <param name="buffer">What was received; moved past the message when one was found.</param>
    /// <param name="messageBytesMax">The longest message accepted.</param>
    /// <param name="message">The message without its prefix, borrowed from the buffer.</param>
    public static FrameOutcome TryRead(
        ref ReadOnlySequence<byte> buffer, int messageBytesMax, out ReadOnlySequence<byte> message)
    {
        message = default;
        if (buffer.IsEmpty) return FrameOutcome.NeedMore;
        byte flag = buffer.FirstSpan.IsEmpty ? FirstByte(buffer) : buffer.FirstSpan[0];
        if (flag > 1) return FrameOutcome.Malformed;
        if (flag == 1) return FrameOutcome.Compressed;
        if (buffer.Length < PrefixBytes) return FrameOutcome.NeedMore;

        Span<byte> prefix = stackalloc byte[PrefixBytes];
        buffer.Slice(0, PrefixBytes).CopyTo(prefix);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > (uint)messageBytesMax) return FrameOutcome.TooLarge;
        if (buffer.Length - PrefixBytes < length) return FrameOutcome.NeedMore;

        message = buffer.Slice(PrefixBytes, length);
        buffer = buffer.Slice(message.End);
        return FrameOutcome.Message;
    }

    private static byte FirstByte(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> first = stackalloc byte[1];
        buffer.Slice(0, 1).CopyTo(first);
        return first[0];
    }
}
