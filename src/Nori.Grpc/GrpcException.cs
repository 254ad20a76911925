namespace Nori.Grpc;

/// <summary>
/// A call that did not end with OK. Thrown by the client for whatever the server or the connection answered,
/// and by server handlers to answer a status of their own. A caller's own cancellation is an <see
/// cref="OperationCanceledException"/> instead.
/// </summary>
public sealed class GrpcException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="status">How the call ended; not OK.</param>
    /// <param name="trailers">The trailing metadata that came, or is to go, with the status.</param>
    /// <param name="inner">What caused it, where something did; never sent to a peer.</param>
    /// <exception cref="ArgumentException">The status is OK.</exception>
    public GrpcException(GrpcStatus status, Metadata? trailers = null, Exception? inner = null)
        : base(status.ToString(), inner)
    {
        if (status.IsOk) throw new ArgumentException("OK is not an error.", nameof(status));
        Status = status;
        Trailers = trailers ?? [];
    }

    /// <summary>Creates the exception from a code and a message.</summary>
    /// <param name="code">The code; not OK.</param>
    /// <param name="message">The message for people.</param>
    /// <param name="inner">What caused it, where something did; never sent to a peer.</param>
    public GrpcException(GrpcStatusCode code, string message, Exception? inner = null)
        : this(new GrpcStatus(code, message), null, inner)
    {
    }

    /// <summary>How the call ended.</summary>
    public GrpcStatus Status { get; }

    /// <summary>The code of <see cref="Status"/>.</summary>
    public GrpcStatusCode Code => Status.Code;

    /// <summary>The trailing metadata; empty when there was none.</summary>
    public Metadata Trailers { get; }
}
