using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Formation;
using NoriKV.Node.Meta;

namespace NoriKV.Node.Recovery;

/// <summary>A node's directory that is left, and what it holds.</summary>
/// <param name="Files">The file system it lies on.</param>
/// <param name="Directory">Where it is.</param>
/// <param name="Identity">Whose it is.</param>
/// <param name="Cluster">Its record of the cluster; null where it has none.</param>
/// <param name="Hint">The last map it heard of.</param>
/// <param name="Replicas">Its replicas, by shard.</param>
/// <param name="Registry">The registry with everything that its replica of the meta group holds; null without one.</param>
internal sealed record Survivor(
    IFileSystem Files, string Directory, NodeIdentity Identity, ClusterRecord? Cluster, ClusterMap Hint,
    IReadOnlyList<SurvivingReplica> Replicas, MetaState? Registry);
