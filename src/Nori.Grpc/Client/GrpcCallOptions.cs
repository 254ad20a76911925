namespace Nori.Grpc;

/// <summary>What one call asks for beyond its request. The default asks for nothing.</summary>
public readonly record struct GrpcCallOptions
{
    /// <summary>
    /// How long the call may take in all; sent to the server and enforced here. Null: for ever.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Headers sent with the call. Null: none.</summary>
    public Metadata? Headers { get; init; }

    /// <summary>Tells of a unary call whether the server can have had its request. Null: nobody asks.</summary>
    public RequestHandover? Handover { get; init; }

    /// <summary>
    /// Cancels the call: its stream is reset and an <see cref="OperationCanceledException"/> thrown.
    /// </summary>
    public CancellationToken CancellationToken { get; init; }
}
