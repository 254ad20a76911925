namespace Nori.Observe.Otlp;

/// <summary>How a collector is spoken to.</summary>
public enum OtlpProtocol
{
    /// <summary>gRPC; collectors listen on port 4317.</summary>
    Grpc,

    /// <summary>Protobuf over HTTP, to <c>/v1/traces</c> and <c>/v1/metrics</c>; collectors listen on port 4318.</summary>
    HttpProtobuf,
}
