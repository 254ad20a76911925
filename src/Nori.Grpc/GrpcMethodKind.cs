namespace Nori.Grpc;

/// <summary>How many messages go each way.</summary>
public enum GrpcMethodKind
{
    /// <summary>One request, one response.</summary>
    Unary,

    /// <summary>One request, many responses.</summary>
    ServerStreaming,

    /// <summary>Many requests, one response.</summary>
    ClientStreaming,

    /// <summary>Many each way, independent of each other.</summary>
    Duplex,
}
