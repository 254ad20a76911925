using System.Net.Sockets;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Console;

/// <summary>
/// Looks whether any node listens, before the first call: the client itself would go on trying until its deadline, which
/// is right for a program and tiresome for a person.
/// </summary>
internal static class NodeProbe
{
    /// <summary>Returns when one of the addresses takes a connection.</summary>
    /// <exception cref="UnavailableException">None does; says what was tried and what each said.</exception>
    public static async Task CheckAsync(
        IReadOnlyList<string> addresses, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        var said = new List<string>();
        SocketException? cause = null;
        foreach (string address in addresses)
        {
            using var late = new CancellationTokenSource(limit, time);
            using var any = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
            int colon = address.LastIndexOf(':');
            try
            {
                using var tcp = new TcpClient();
                await tcp.ConnectAsync(
                    address[..colon].Trim('[', ']'), int.Parse(address.AsSpan(colon + 1)), any.Token).ConfigureAwait(false);
                return;
            }
            catch (SocketException e)
            {
                cause = e;
                said.Add($"cannot connect to {address}: {e.Message}");
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                said.Add($"cannot connect to {address}: no answer within {limit.TotalSeconds:0.#} s");
            }
        }

        throw new UnavailableException(new KvError(KvCode.Unavailable, string.Join("; ", said)), cause);
    }
}
