using NoriKV.Client;

namespace NoriKV.Cli.Cluster;

/// <summary>Which nodes the commands for operators ask, and how.</summary>
/// <param name="Addresses">host:port of any nodes; the first that answers serves.</param>
/// <param name="Timeout">How long one question may take.</param>
/// <param name="Tls">Null for plaintext.</param>
/// <param name="PeerSecret">The cluster's peer secret, for whoever is not on a node's machine; null for none.</param>
/// <param name="Time">The clock.</param>
internal sealed record ClusterTarget(
    IReadOnlyList<string> Addresses, TimeSpan Timeout, ClientTlsOptions? Tls, string? PeerSecret, TimeProvider Time);
