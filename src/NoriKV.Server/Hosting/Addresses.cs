using System.Net;
using System.Net.Sockets;

namespace NoriKV.Server;

/// <summary>From written addresses to sockets, and to what others dial.</summary>
internal static class Addresses
{
    /// <summary>
    /// The address to listen on. A name becomes its first IPv4 address, or IPv6 where it has no other.
    /// </summary>
    /// <exception cref="ServerStartException">The name cannot be resolved.</exception>
    public static async Task<IPEndPoint> ResolveAsync(
        HostPort address, string setting, CancellationToken cancellationToken)
    {
        if (address.Host is "*" or "+") return new IPEndPoint(IPAddress.Any, address.Port);
        if (IPAddress.TryParse(address.Host, out IPAddress? ip)) return new IPEndPoint(ip, address.Port);
        try
        {
            IPAddress[] all = await Dns.GetHostAddressesAsync(address.Host, cancellationToken)
                .ConfigureAwait(false);
            IPAddress? best =
                all.FirstOrDefault(static a => a.AddressFamily == AddressFamily.InterNetwork) ?? all.FirstOrDefault();
            if (best is not null) return new IPEndPoint(best, address.Port);
        }
        catch (SocketException failure)
        {
            throw new ServerStartException(
                $"{setting}: '{address.Host}' cannot be resolved: {failure.Message}", ExitCodes.Usage, failure);
        }

        throw new ServerStartException($"{setting}: '{address.Host}' has no address", ExitCodes.Usage);
    }

    /// <summary>
    /// What clients and peers dial: the configured address, or the RPC address, or — when that is every
    /// interface — this machine's name where it resolves, else loopback. Never a wildcard.
    /// </summary>
    public static async Task<HostPort> AdvertisedAsync(
        ServerOptions options, int boundPort, CancellationToken cancellationToken)
    {
        if (options.AdvertiseAddress is { } configured)
            return configured.Port == 0 ? configured with { Port = boundPort } : configured;
        HostPort rpc = options.RpcAddress;
        if (!rpc.IsWildcard) return rpc with { Port = boundPort };
        return new HostPort(await OwnNameAsync(cancellationToken).ConfigureAwait(false), boundPort);
    }

    /// <summary>How a bound address is printed for people on this machine: a wildcard as loopback.</summary>
    public static IPEndPoint Dialable(IPEndPoint bound) =>
        bound.Address.Equals(IPAddress.Any) ? new IPEndPoint(IPAddress.Loopback, bound.Port)
        : bound.Address.Equals(IPAddress.IPv6Any) ? new IPEndPoint(IPAddress.IPv6Loopback, bound.Port)
        : bound;

    private static async Task<string> OwnNameAsync(CancellationToken cancellationToken)
    {
        string name = Dns.GetHostName();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(1));
        try
        {
            IPAddress[] all = await Dns.GetHostAddressesAsync(name, limit.Token).ConfigureAwait(false);
            if (all.Length > 0) return name;
        }
        catch (Exception failure) when (failure is SocketException or OperationCanceledException)
        {
            // A machine that does not know its own name is reached from itself at best.
        }

        return "127.0.0.1";
    }
}
