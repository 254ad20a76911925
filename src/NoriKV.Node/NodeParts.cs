using NoriKV.Node.Directory;
using NoriKV.Node.Replication;
using NoriKV.Node.Ports;

namespace NoriKV.Node;

/// <summary>What a started node is made of.</summary>
internal sealed record NodeParts(
    NodeDirectory Directory,
    INodeLog Log,
    IStorage Storage,
    ReplicaTable Replicas,
    IReadOnlyList<VoterGroup> Groups,
    FlushGate Gate);
