namespace NoriKV.Node.Formation;

/// <summary>A node that wants to found a cluster, or did.</summary>
/// <param name="Name">Its id outside.</param>
/// <param name="StoreUuid">The store it lives on: a node that lost its disk is another one.</param>
/// <param name="Address">Its dialable gRPC address, host:port.</param>
/// <param name="Zone">Its failure zone; empty for none.</param>
public sealed record FormationMember(string Name, Guid StoreUuid, string Address, string Zone);
