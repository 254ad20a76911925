using System.Buffers;
using System.Buffers.Binary;

namespace Nori.Grpc;

/// <summary>Writes length-prefixed messages; the layout is drawn at <see cref="FrameReader"/>.</summary>
public static class FrameWriter
{
    /// <summary>Writes the prefix of a plain message.</summary>
    public static void WritePrefix(Span<byte> target, int messageBytes)
    {
        target[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(target[1..FrameReader.PrefixBytes], (uint)messageBytes);
    }

    /// <summary>
    /// Writes prefix and message. With a marshaller that knows sizes the message is serialized straight into
    /// the output; otherwise through a pooled buffer.
    /// </summary>
    /// <returns>Bytes of the message, without the prefix.</returns>
    public static int Write<T>(IBufferWriter<byte> output, Marshaller<T> marshaller, T message)
    {
        if (marshaller.Size is null)
        {
            using var buffer = new FrameBuffer();
            buffer.Append(marshaller, message);
            output.Write(buffer.Written.Span);
            return buffer.Written.Length - FrameReader.PrefixBytes;
        }

        int size = marshaller.Size(message);
        WritePrefix(output.GetSpan(FrameReader.PrefixBytes), size);
        output.Advance(FrameReader.PrefixBytes);
        marshaller.Serialize(message, output);
        return size;
    }
}
