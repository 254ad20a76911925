using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Nori.Observe;
using Nori.Swim;
using Nori.Swim.Net;
using NoriKV.Node.Membership;
using NoriKV.Node.Ports;
using NoriKV.Transport.Grpc;
using NoriKV.Types;

namespace NoriKV.Server;

/// <summary>
/// The server as a SWIM member: datagrams on the UDP port of its gRPC number, streams through that gRPC port. Joins
/// through the seeds, tells the node who is there, says good-bye when the server stops.
/// </summary>
internal sealed class ClusterMembership : IAsyncDisposable
{
    private readonly SwimMembership _membership;
    private readonly JoinLoop _joining;

    private ClusterMembership(
        SwimNode swim, ServerOptions options, ServerLog log, TimeProvider time, Action<IReadOnlyList<Member>> changed)
    {
        Swim = swim;
        _membership = new SwimMembership(swim);
        _membership.Follow(changed);
        _joining = new JoinLoop(swim, options.SeedNodes, log, time);
        _ = ReportEndAsync(swim.Completion, "membership ended; the node serves on without it", log);
        _ = ReportEndAsync(_membership.Following, "nobody is told of members any more", log);
    }

    /// <summary>The member.</summary>
    public SwimNode Swim { get; }

    /// <summary>The stream adapter, made before the gRPC port is bound; null where the server is no member.</summary>
    public static GrpcSwimStream? StreamFor(ServerOptions options, TlsFiles? tls, TimeProvider time) => options.IsSwimMember
        ? new GrpcSwimStream(new GrpcSwimStreamOptions { Tls = tls?.ForPeers(), Time = time })
        : null;

    /// <summary>The UDP socket on the number that gRPC got.</summary>
    /// <exception cref="SocketException">It is taken or not allowed.</exception>
    public static UdpSwimTransport BindUdp(IPEndPoint rpc, string advertised) => new(rpc, advertised);

    /// <summary>Starts the member; takes over datagrams and streams.</summary>
    public static async Task<ClusterMembership> StartAsync(
        ServerOptions options,
        HostPort advertised,
        NodeNumber number,
        UdpSwimTransport datagrams,
        GrpcSwimStream streams,
        IMeter meter,
        IEventSink events,
        ServerParts parts,
        Action<IReadOnlyList<Member>> changed)
    {
        SwimNode swim = await SwimNode.StartAsync(new SwimOptions
        {
            NodeId = options.NodeId,
            ClusterName = options.ClusterName,
            Keys = KeysOf(options),
            ProbeInterval = options.SwimProbeInterval,
            ProbeTimeout = options.SwimProbeTimeout,
            IndirectProbes = options.SwimIndirectProbes,
            Metadata = SwimMembership.Describe(
                number,
                advertised.ToString(),
                options.Zone ?? string.Empty,
                typeof(ClusterMembership).Assembly.GetName().Version?.ToString() ?? string.Empty),
            LeaveTimeout = options.StopTimeout * 0.2,
            Transport = datagrams,
            Stream = streams,
            Meter = meter,
            Events = events,
            Time = parts.Time,
        }).ConfigureAwait(false);
        if (options.PeerSecret is null && options.TlsClientCa is null && !options.Insecure)
        {
            parts.Log.Warning(
                "swim",
                "no cluster.peer_secret: datagrams are not sealed, and only nodes of this machine may join");
        }

        return new ClusterMembership(swim, options, parts.Log, parts.Time, changed);
    }

    /// <summary>ip:port, which members know each other by; a name's first IPv4 address, or IPv6 where it has no other.</summary>
    public static async Task<string> AddressOfAsync(HostPort advertised, CancellationToken cancellationToken)
    {
        IPEndPoint point = await Addresses.ResolveAsync(advertised, "advertise_addr", cancellationToken)
            .ConfigureAwait(false);
        return point.ToString();
    }

    /// <summary>Says good-bye and stops.</summary>
    public async Task LeaveAsync()
    {
        await _joining.DisposeAsync().ConfigureAwait(false);
        await Swim.LeaveAsync().ConfigureAwait(false);
        _membership.Dispose();
    }

    /// <summary>Stops without a word.</summary>
    public async ValueTask DisposeAsync()
    {
        await _joining.DisposeAsync().ConfigureAwait(false);
        await Swim.DisposeAsync().ConfigureAwait(false);
        _membership.Dispose();
    }

    // The secret may be shorter than a key, and is not to be used for two things: a key of its own is derived.
    private static ReadOnlyMemory<byte>[] KeysOf(ServerOptions options) => options.PeerSecret is { } secret
        ? [HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret), 32, [], "norikv swim"u8.ToArray())]
        : [];

    private static async Task ReportEndAsync(Task ends, string words, ServerLog log)
    {
        try
        {
            await ends.ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            log.Error("swim", words, ("error", failure));
        }
    }
}
