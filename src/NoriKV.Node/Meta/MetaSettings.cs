namespace NoriKV.Node.Meta;

/// <summary>What holds for the whole cluster.</summary>
/// <param name="ClusterId">Fixed at formation.</param>
/// <param name="TotalShards">Fixed at formation.</param>
/// <param name="HashTags">Fixed at formation.</param>
/// <param name="ReplicationFactor">Voters of a shard once there are as many nodes.</param>
/// <param name="EffectiveFactor">Voters of a shard; rises with the nodes and never falls by itself.</param>
/// <param name="MetaFactor">The same of the meta group: 1, 3, 5.</param>
/// <param name="ClusterVersion">Formats above it are not written.</param>
internal sealed record MetaSettings(
    Guid ClusterId, int TotalShards, bool HashTags, int ReplicationFactor, int EffectiveFactor, int MetaFactor,
    int ClusterVersion)
{
    /// <summary>The most voters that the meta group has.</summary>
    public const int MetaFactorMax = 5;
}
