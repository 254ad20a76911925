using Google.Protobuf;
using Nori.Grpc;

namespace NoriKV.Client.Transport;

/// <summary>
/// <c>grpc.health.v1.Health/Check</c> by hand: a request is the service's name as field 1, a response an enum as field 1
/// whose 1 means serving. Generated messages would make the client depend on the server's package.
/// </summary>
internal static class HealthMethod
{
    private const ulong Serving = 1;

    public static readonly GrpcMethod<string, bool> Check = new(
        GrpcMethodKind.Unary,
        "grpc.health.v1.Health",
        "Check",
        new Marshaller<string>(
            static (service, output) =>
            {
                // Proto3 leaves an empty field out: the server as a whole is an empty message.
                if (service.Length > 0) throw new ArgumentException("only the server as a whole is asked about", nameof(service));
            },
            static _ => "",
            static _ => 0),
        new Marshaller<bool>(static (_, _) => { }, static bytes => IsServing(new CodedInputStream(Copy(bytes)))));

    private static byte[] Copy(System.Buffers.ReadOnlySequence<byte> bytes) => System.Buffers.BuffersExtensions.ToArray(bytes);

    private static bool IsServing(CodedInputStream input)
    {
        ulong status = 0;
        while (input.ReadTag() is var tag and not 0)
        {
            if (tag == WireFormat.MakeTag(1, WireFormat.WireType.Varint)) status = input.ReadUInt64();
            else input.SkipLastField();
        }

        return status == Serving;
    }
}
