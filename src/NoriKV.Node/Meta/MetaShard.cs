using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// A shard as the registry has it: where its replicas are, and where they shall be. How far that is, is what the shard's own
/// configuration says: so whoever leads the meta group goes on with it (docs/decisions/0127).
/// </summary>
/// <param name="Shard">The shard.</param>
/// <param name="Replicas">Sorted by id; one for a node.</param>
internal sealed record MetaShard(ShardId Shard, IReadOnlyList<MetaReplica> Replicas)
{
    /// <summary>A move is under way.</summary>
    public bool IsMoving => Replicas.Any(static r => r.IsOnItsWay);

    /// <summary>The nodes that hold it when the move is done.</summary>
    public IEnumerable<NodeNumber> Target => Replicas.Where(static r => r.Stays).Select(static r => r.Node);

    /// <summary>The replica on a node; none.</summary>
    public MetaReplica On(NodeNumber node) => Replicas.FirstOrDefault(r => r.Node == node);

    /// <summary>The move in words; null where there is none.</summary>
    public string? MoveText => !IsMoving ? null : string.Join(", ", Replicas
        .Where(static r => r.IsOnItsWay)
        .Select(static r => $"{(r.Stays ? "to" : "from")} node {r.Node} (replica {r.Id})"));
}
