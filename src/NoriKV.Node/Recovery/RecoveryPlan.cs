using NoriKV.Node.Meta;

namespace NoriKV.Node.Recovery;

/// <summary>What a recovery would do, and what it costs.</summary>
public sealed record RecoveryPlan
{
    /// <summary>The cluster that was.</summary>
    public Guid OldCluster { get; init; }

    /// <summary>The cluster that will be: nodes of the old one are strangers to it.</summary>
    public Guid NewCluster { get; init; }

    /// <summary>The nodes that make it up, with their directories.</summary>
    public IReadOnlyList<(string Node, string Directory)> Survivors { get; init; } = [];

    /// <summary>Members of the old one that are given up, with where they were.</summary>
    public IReadOnlyList<(string Node, string Address)> Lost { get; init; } = [];

    /// <summary>All shards, the meta group behind the last one.</summary>
    public IReadOnlyList<ShardRecovery> Shards { get; init; } = [];

    /// <summary>Shards of that verdict that hold keys.</summary>
    public IEnumerable<ShardRecovery> Of(ShardVerdict verdict) => Shards.SkipLast(1).Where(s => s.Verdict == verdict);

    /// <summary>The registry as it will be, as operations of one entry; what it was is lost where the meta group was.</summary>
    internal IReadOnlyList<Entries.EntryOperation> Registry { get; init; } = [];

    /// <summary>The survivors themselves.</summary>
    internal IReadOnlyList<Survivor> Found { get; init; } = [];

    /// <summary>The nodes of the new cluster as they keep them.</summary>
    internal IReadOnlyList<RegisteredNode> Nodes { get; init; } = [];
}
