using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;

namespace NoriKV.Cli.Cluster;

/// <summary>What the commands for operators ask of a cluster, at any of its nodes.</summary>
internal interface IClusterCalls : IAsyncDisposable
{
    /// <summary>How things are, as the meta leader sees them.</summary>
    /// <param name="shards">False: without the shards, which are most of it.</param>
    /// <param name="cancellationToken">The user gives up.</param>
    Task<ClusterStatus> StatusAsync(bool shards, CancellationToken cancellationToken);

    /// <summary>What is wrong: the asked node asks all others.</summary>
    Task<ClusterDiagnosis> DiagnoseAsync(CancellationToken cancellationToken);

    Task<ClusterStatus> DrainAsync(string node, int? replicationFactor, CancellationToken cancellationToken);

    Task<ClusterStatus> UndrainAsync(string node, CancellationToken cancellationToken);

    Task<ClusterStatus> DecommissionAsync(string node, CancellationToken cancellationToken);

    Task<ClusterStatus> ReplaceAsync(string node, CancellationToken cancellationToken);

    Task<ClusterStatus> MoveLeaderAsync(uint shard, string target, CancellationToken cancellationToken);

    Task<ClusterStatus> MoveReplicaAsync(uint shard, string source, string target, CancellationToken cancellationToken);
}
