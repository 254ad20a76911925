using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Node.Formation;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// The server side of forming and joining: unary calls of the Raft service whose messages are the bytes of
/// docs/formats/formation.md. Who may call is judged before, as for the streams.
/// </summary>
public sealed class FormationService
{
    private volatile IFormationEndpoint? _endpoint;

    internal static GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Identify { get; } = Method(nameof(Identify));

    internal static GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Form { get; } = Method(nameof(Form));

    internal static GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Join { get; } = Method(nameof(Join));

    /// <summary>Who answers; until it is set callers are told to come back.</summary>
    public IFormationEndpoint? Endpoint
    {
        get => _endpoint;
        set => _endpoint = value;
    }

    internal void AddTo(GrpcServiceDefinition service) => service
        .AddUnary(Identify, (bytes, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(
            Required().Identify(Checked(IdentifyRequest.TryDecode(bytes.Span))).Encode()))
        .AddUnary(Form, (bytes, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(
            Required().Form(Checked(FormationProposal.TryDecode(bytes.Span))).Encode()))
        .AddUnary(Join, JoinAsync);

    private async ValueTask<ReadOnlyMemory<byte>> JoinAsync(ReadOnlyMemory<byte> bytes, ServerCallContext context)
    {
        JoinCall call = Checked(JoinCall.TryDecode(bytes.Span));
        return JoinAnswer.Encode(await Required().JoinAsync(call, context.CancellationToken).ConfigureAwait(false));
    }

    private static GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Method(string name) =>
        new(GrpcMethodKind.Unary, KvMethods.Raft, name, Marshallers.Bytes, Marshallers.Bytes);

    private IFormationEndpoint Required() =>
        _endpoint ?? throw new GrpcException(GrpcStatusCode.Unavailable, "this node has not started yet");

    private static T Checked<T>(T? message)
        where T : class =>
        message ?? throw new GrpcException(GrpcStatusCode.InvalidArgument, "a message of an unknown format");
}
