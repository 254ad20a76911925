using System.Buffers;

namespace Nori.Grpc;

/// <summary>Marshallers that need no message format.</summary>
public static class Marshallers
{
    /// <summary>The message is the bytes; each parsed message is a copy.</summary>
    public static Marshaller<ReadOnlyMemory<byte>> Bytes { get; } = new(
        static (message, output) => output.Write(message.Span),
        static bytes => bytes.ToArray(),
        static message => message.Length);
}
