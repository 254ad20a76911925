using Nori.IO;
using Nori.Observe;
using NoriKV.Node;
using NoriKV.Node.Formation;
using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Node.Tracing;

namespace NoriKV.Server;

/// <summary>What a node is started with.</summary>
/// <param name="Options">The server's options; the data directory is a full path.</param>
/// <param name="FileSystem">Where it stores.</param>
/// <param name="Meter">Where it counts.</param>
/// <param name="Events">Where it tells what happens.</param>
/// <param name="Authorizer">Whom it asks; the transports ask too.</param>
/// <param name="Time">Its clock.</param>
public sealed record NodeSetup(
    ServerOptions Options,
    IFileSystem FileSystem,
    IMeter Meter,
    IEventSink Events,
    IAuthorizer Authorizer,
    TimeProvider Time)
{
    /// <summary>What clients and peers dial.</summary>
    public string AdvertiseAddress { get; init; } = "";

    /// <summary>The cluster it belongs to; null for a node alone.</summary>
    public ClusterRecord? Cluster { get; init; }

    /// <summary>Carries frames to other nodes; null for none.</summary>
    public ITransport? Transport { get; init; }

    /// <summary>Traces what other nodes forward; null for no traces.</summary>
    public Tracer? Tracer { get; init; }

    /// <summary>Told of slow requests; must not block.</summary>
    public Action<RequestTrace>? SlowNoted { get; init; }

    /// <summary>When the certificate ends that this node shows others; null where it has none.</summary>
    public Func<DateTimeOffset?>? CertificateEnds { get; init; }

    /// <summary>Told who the nodes of the cluster are and where, whenever that changes.</summary>
    public Action<ClusterMap>? PeersChanged { get; init; }
}
