using System.Buffers.Binary;

namespace Nori.Grpc;

/// <summary>
/// A line: a connection for frames beside a call, to the same port. Which call it belongs to says a token that the server gave
/// there, so who may send was judged when the call began.
/// <code>
/// caller   preface 16 bytes "NORI FRAME LINE\n" | token 32 bytes | frames
/// server   1 byte = 1 once it knows the token; nothing more
/// frame    length u32, little-endian | bytes
/// </code>
/// </summary>
public static class FrameLineFormat
{
    /// <summary>Bytes of a token.</summary>
    public const int TokenBytes = 32;

    /// <summary>Bytes before a frame's own.</summary>
    public const int HeadBytes = sizeof(uint);

    /// <summary>What the server answers to a token that it gave.</summary>
    public const byte Accepted = 1;

    /// <summary>What a line begins with; no HTTP request does.</summary>
    public static ReadOnlySpan<byte> Preface => "NORI FRAME LINE\n"u8;

    /// <summary>Writes what stands before a frame.</summary>
    public static void WriteHead(Span<byte> target, int length) => BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)length);

    /// <summary>The length that a head claims.</summary>
    public static uint ReadHead(ReadOnlySpan<byte> head) => BinaryPrimitives.ReadUInt32LittleEndian(head);
}
