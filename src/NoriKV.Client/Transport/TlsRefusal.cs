using System.Security.Authentication;

namespace NoriKV.Client.Transport;

/// <summary>
/// Finds a failed TLS authentication behind a failure. A node's refusal of a client's certificate is none here: in TLS
/// 1.3 the client's handshake is over by then, and what it sees is a connection that ends.
/// </summary>
internal static class TlsRefusal
{
    public static AuthenticationException? Find(Exception? exception)
    {
        while (exception is not null and not AuthenticationException) exception = exception.InnerException;
        return (AuthenticationException?)exception;
    }
}
