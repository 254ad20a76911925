using Google.Protobuf;

namespace Nori.Grpc.Server;

/// <summary>Marshallers of generated Protocol Buffers messages.</summary>
public static class ProtobufMarshaller
{
    /// <summary>The marshaller of a message type; make it once and keep it.</summary>
    public static Marshaller<T> For<T>(MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        ArgumentNullException.ThrowIfNull(parser);
        return new Marshaller<T>(
            static (message, output) => message.WriteTo(output),
            parser.ParseFrom,
            static message => message.CalculateSize());
    }
}
