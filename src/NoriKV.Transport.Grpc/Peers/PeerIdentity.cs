using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>Who this node is towards its peers.</summary>
/// <param name="Node">Its number.</param>
/// <param name="ClusterId">The cluster it belongs to: peers of any other are refused.</param>
/// <param name="StoreUuid">The store it lives on.</param>
public sealed record PeerIdentity(NodeNumber Node, Guid ClusterId, Guid StoreUuid);
