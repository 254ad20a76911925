using System.Security.Authentication;

namespace NoriKV.Client.Transport;

/// <summary>
/// Finds a failed TLS authentication behind a failure. A node's refusal of a client's certificate is not seen as one:
/// <see cref="TlsSuspicion"/> guesses it.
/// </summary>
internal static class TlsRefusal
{
    public static AuthenticationException? Find(Exception? exception)
    {
        while (exception is not null and not AuthenticationException) exception = exception.InnerException;
        return (AuthenticationException?)exception;
    }
}
