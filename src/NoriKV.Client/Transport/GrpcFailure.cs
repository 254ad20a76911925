using System.Security.Authentication;
using Nori.Grpc;
using NoriKV.Client.Wire;
using NoriKV.Types;

namespace NoriKV.Client.Transport;

/// <summary>What a gRPC call ended with, as this client's failure.</summary>
internal static class GrpcFailure
{
    public static RpcException From(GrpcException exception, string address)
    {
        if (TlsRefusal.Find(exception) is { } refusal)
        {
            string message = $"TLS with {address} failed: {refusal.Message.TrimEnd('.')}. Does ClientTlsOptions.TrustedRoots hold the "
                + "authority of the node's certificate, and is ServerName, or the dialled host, a name in it?";
            return new RpcException(new KvError(KvCode.Unavailable, message), false, exception);
        }

        if (FindConnectFailure(exception) is { } connect)
        {
            return new RpcException(
                new KvError(KvCode.Unavailable, $"cannot connect to {address}: {connect.Message}"), false, exception);
        }

        TimeSpan? retryAfter = long.TryParse(exception.Trailers.GetValue("retry-after-ms"), out long ms) && ms > 0
            ? TimeSpan.FromMilliseconds(Math.Min(ms, int.MaxValue))
            : null;
        KvError error = StatusMapping.ToError(
            (uint)exception.Code, exception.Status.Message ?? "", exception.Trailers.GetValue("leader-hint"), retryAfter);
        // A reset that we did not ask for is the connection's end, not the caller's wish.
        if (error.Code == KvCode.Cancelled) error = error with { Code = KvCode.Unavailable };
        return new RpcException(error, true, exception);
    }

    /// <summary>
    /// How a call of its own ended. Where the node itself refused it, in words that no layer below has, that is as exact as on a stream.
    /// All else may come from the connection.
    /// </summary>
    public static RpcException OfCall(RpcException failure)
    {
        bool refusal = failure.Error.Code is KvCode.NotLeader or KvCode.QuorumUnavailable
            || failure.Error is { Code: KvCode.Overloaded, RetryAfter: not null };
        return refusal && failure.Reached ? new RpcException(failure.Error, true, failure.InnerException, said: true) : failure;
    }

    /// <summary>A call that failed before the node can have had the whole of its request: it was not done.</summary>
    public static RpcException NotSent(RpcException failure, string address)
    {
        KvError error = failure.Error;
        if (failure.IsRetriable)
            error = error with { Code = KvCode.Unavailable, Message = $"{address} did not take the request: {error.Message}" };
        return new RpcException(error, false, failure.InnerException);
    }

    /// <summary>A node that takes the TLS handshake and then ends each connection without a word.</summary>
    public static RpcException Silent(GrpcException exception, string address)
    {
        string message = $"TLS with {address} failed: the node ends each connection right behind the handshake. Does it ask for a "
            + "client certificate (its tls.client_ca), and is ClientTlsOptions.ClientCertificate set to one of that authority?";
        return new RpcException(
            new KvError(KvCode.Unavailable, message), false, new AuthenticationException(message, exception));
    }

    private static HttpRequestException? FindConnectFailure(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is HttpRequestException
                {
                    HttpRequestError: HttpRequestError.ConnectionError
                    or HttpRequestError.NameResolutionError
                    or HttpRequestError.SecureConnectionError,
                } found) return found;
        }

        return null;
    }
}
