using System.Net;
using System.Net.Http.Headers;

namespace Nori.Grpc;

/// <summary>What HTTP answers when there is no gRPC status, and where that status is.</summary>
internal static class HttpStatusMapping
{
    /// <summary>
    /// The code for an HTTP status without a gRPC status (http-grpc-status-mapping of the protocol).
    /// </summary>
    public static GrpcStatusCode FromHttp(HttpStatusCode status) => (int)status switch
    {
        400 => GrpcStatusCode.Internal,
        401 => GrpcStatusCode.Unauthenticated,
        403 => GrpcStatusCode.PermissionDenied,
        404 => GrpcStatusCode.Unimplemented,
        429 or 502 or 503 or 504 => GrpcStatusCode.Unavailable,
        _ => GrpcStatusCode.Unknown,
    };

    /// <summary>
    /// The code for the error a stream was reset with (the protocol's table of HTTP/2 errors).
    /// </summary>
    public static GrpcStatusCode FromReset(long errorCode) => errorCode switch
    {
        // NO_ERROR: the connection was shut down in good order before it answered. REFUSED_STREAM: not
        // processed.
        0x0 or 0x7 => GrpcStatusCode.Unavailable,
        0x8 => GrpcStatusCode.Cancelled,
        0xb => GrpcStatusCode.ResourceExhausted,
        0xc => GrpcStatusCode.PermissionDenied,
        0x5 => GrpcStatusCode.Unknown,
        _ => GrpcStatusCode.Internal,
    };

    /// <summary>
    /// The error for an exception out of the HTTP handler that is neither deadline nor cancellation.
    /// </summary>
    public static GrpcException FromException(Exception exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            if (e is HttpProtocolException protocol)
            {
                return new GrpcException(
                    FromReset(protocol.ErrorCode), $"The server reset the call: {protocol.Message}", exception);
            }
        }

        return exception switch
        {
            HttpRequestException or IOException => new GrpcException(
                GrpcStatusCode.Unavailable, $"The connection failed: {Innermost(exception).Message}", exception),
            OperationCanceledException => new GrpcException(
                GrpcStatusCode.Cancelled, "The call was cancelled.", exception),
            ObjectDisposedException => new GrpcException(
                GrpcStatusCode.Cancelled, "The channel or the call was disposed.", exception),
            _ => new GrpcException(GrpcStatusCode.Internal, $"The call failed: {exception.Message}", exception),
        };
    }

    /// <summary>Reads <c>grpc-status</c> and <c>grpc-message</c>; false when there is no status.</summary>
    public static bool TryReadStatus(HttpHeaders headers, out GrpcStatus status)
    {
        status = default;
        if (!headers.NonValidated.TryGetValues("grpc-status", out HeaderStringValues code)) return false;
        string message = headers.NonValidated.TryGetValues("grpc-message", out HeaderStringValues text)
            ? GrpcMessageEncoding.Decode(text.ToString())
            : "";
        status = int.TryParse(code.ToString(), out int number) && number is >= 0 and <= 16
            ? new GrpcStatus((GrpcStatusCode)number, message)
            : new GrpcStatus(GrpcStatusCode.Unknown, $"The server sent the status '{code}'. {message}".TrimEnd());
        return true;
    }

    /// <summary>The application's part of headers or trailers.</summary>
    public static Metadata ReadMetadata(HttpHeaders headers)
    {
        var metadata = new Metadata();
        foreach ((string key, HeaderStringValues values) in headers.NonValidated)
        {
            foreach (string value in values) metadata.TryAddWire(key, value);
        }

        return metadata;
    }

    private static Exception Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner) exception = inner;
        return exception;
    }
}
