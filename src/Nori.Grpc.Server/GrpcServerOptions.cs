namespace Nori.Grpc.Server;

/// <summary>What a server accepts, and its hooks. Every bound on calls and their messages is here.</summary>
public sealed record GrpcServerOptions
{
    // Behaviour.

    /// <summary>Asked before each call, once its headers are read. Null: every call is allowed.</summary>
    public IGrpcAuthorizer? Authorizer { get; init; }

    /// <summary>Told how each call of a known method ended. Must not throw or block.</summary>
    public Action<ServerCallContext, GrpcStatus>? OnCallEnded { get; init; }

    /// <summary>
    /// Told what a handler threw that is not a <see cref="GrpcException"/>: the client learns UNKNOWN and
    /// nothing more. Must not throw or block.
    /// </summary>
    public Action<ServerCallContext, Exception>? OnHandlerFault { get; init; }

    /// <summary>The longest request message accepted, in bytes.</summary>
    /// <value>Default: 4 MiB.</value>
    public int MaxReceiveMessageBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>How a call with a longer message ends.</summary>
    /// <value>Default: RESOURCE_EXHAUSTED, as other servers do.</value>
    public GrpcStatusCode OversizedStatus { get; init; } = GrpcStatusCode.ResourceExhausted;

    /// <summary>Trailers of a call refused because a bound of the server is reached. Null: none.</summary>
    public Metadata? OverloadTrailers { get; init; }

    /// <summary>The clock of deadlines and timeouts.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    // Bounds.

    /// <summary>
    /// Calls that run at once, streams included; a further one is answered RESOURCE_EXHAUSTED.
    /// </summary>
    /// <value>Default: 4,096.</value>
    public int MaxConcurrentCalls { get; init; } = 4096;

    /// <summary>
    /// How long the request of a unary or server-streaming call, or a message of the other kinds once its
    /// first byte is here, may take to arrive; then the call ends with DEADLINE_EXCEEDED.
    /// </summary>
    /// <value>Default: 30 s.</value>
    public TimeSpan ReceiveTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a client may leave responses unread while the server waits to send; then its call is reset.
    /// </summary>
    /// <value>Default: 60 s.</value>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Bytes of incomplete or large (over 64 KiB) messages of all calls together; a call that would exceed it
    /// is answered RESOURCE_EXHAUSTED.
    /// </summary>
    /// <value>Default: 256 MiB.</value>
    public long MaxBufferedBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>Every problem with these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (MaxReceiveMessageBytes <= 0) problems.Add($"{nameof(MaxReceiveMessageBytes)} must be positive.");
        if (OversizedStatus == GrpcStatusCode.Ok) problems.Add($"{nameof(OversizedStatus)} must not be OK.");
        if (MaxConcurrentCalls <= 0) problems.Add($"{nameof(MaxConcurrentCalls)} must be positive.");
        if (MaxBufferedBytes < MaxReceiveMessageBytes)
            problems.Add($"{nameof(MaxBufferedBytes)} must hold at least one message.");
        if (ReceiveTimeout <= TimeSpan.Zero) problems.Add($"{nameof(ReceiveTimeout)} must be positive.");
        if (SendTimeout <= TimeSpan.Zero && SendTimeout != Timeout.InfiniteTimeSpan)
            problems.Add($"{nameof(SendTimeout)} must be positive or infinite.");
        return problems;
    }
}
