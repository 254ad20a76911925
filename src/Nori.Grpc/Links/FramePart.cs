using System.Buffers;

namespace Nori.Grpc;

/// <summary>
/// A message of a <see cref="FrameLink"/>: a frame, or a part of one that is larger than servers take in one message.
/// </summary>
/// <param name="Bytes">The bytes; of a received one the receiver's own.</param>
/// <param name="IsLast">True when the frame ends with it.</param>
public readonly record struct FramePart(ReadOnlyMemory<byte> Bytes, bool IsLast)
{
    // is last u8 (1 or 0) | bytes

    /// <summary>How it becomes a message: a byte that says whether the frame ends here, then the bytes.</summary>
    public static Marshaller<FramePart> Marshaller { get; } = new(Serialize, Parse, static part => 1 + part.Bytes.Length);

    /// <summary>The duplex method of a service that takes frames.</summary>
    public static GrpcMethod<FramePart, FramePart> Method(string service, string name) =>
        new(GrpcMethodKind.Duplex, service, name, Marshaller, Marshaller);

    private static void Serialize(FramePart part, IBufferWriter<byte> output)
    {
        output.GetSpan(1)[0] = part.IsLast ? (byte)1 : (byte)0;
        output.Advance(1);
        output.Write(part.Bytes.Span);
    }

    private static FramePart Parse(ReadOnlySequence<byte> message)
    {
        if (message.IsEmpty || message.FirstSpan[0] > 1) throw new InvalidDataException("no part of a frame");
        return new FramePart(message.Slice(1).ToArray(), message.FirstSpan[0] == 1);
    }
}
