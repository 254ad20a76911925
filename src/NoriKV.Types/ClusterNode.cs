namespace NoriKV.Types;

/// <summary>A node as clients see it.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Address">Its dialable gRPC address, host:port.</param>
/// <param name="Role">leader where it leads any shard, else follower; unknown when it is dead.</param>
public sealed record ClusterNode(string Id, string Address, NodeRole Role);
