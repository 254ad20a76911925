using System.Buffers.Binary;
using System.Text;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Placement;

/// <summary>
/// Shard to replicas: the first assignment, and later the fewest moves that make the cluster level. Pure: equal inputs
/// give equal plans. Only the meta leader asks; what it decides is stored and computed nowhere else.
/// </summary>
public static class PlacementPlanner
{
    /// <summary>The replicas each shard gets: the largest odd number not above either argument, at least 1.</summary>
    /// <param name="replicationFactor">What the cluster is configured for.</param>
    /// <param name="nodes">Nodes that are not draining.</param>
    public static int EffectiveReplicationFactor(int replicationFactor, int nodes)
    {
        int most = Math.Max(1, Math.Min(replicationFactor, nodes));
        return most % 2 == 1 ? most : most - 1;
    }

    /// <summary>
    /// The first assignment: replica k of a shard at (hash(shard) + k) on the ring of nodes by hash of their names,
    /// passing over zones already used while another is free; then levelled.
    /// </summary>
    public static IReadOnlyList<ShardAssignment> FirstAssignment(
        int totalShards, int replicationFactor, IReadOnlyList<PlacementNode> nodes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(totalShards);
        PlacementNode[] ring = Ring(nodes);
        int factor = EffectiveReplicationFactor(replicationFactor, ring.Length);
        var first = new ShardAssignment[totalShards];
        Span<byte> shardBytes = stackalloc byte[sizeof(uint)];
        for (int shard = 0; shard < totalShards; shard++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(shardBytes, (uint)shard);
            int start = (int)(XxHash64.Hash(shardBytes) % (ulong)ring.Length);
            first[shard] = new ShardAssignment(new ShardId((uint)shard), Walk(ring, start, factor));
        }

        return Plan(first, replicationFactor, nodes).Target;
    }

    /// <summary>
    /// The fewest replica moves after which every node that stays holds ⌊S·RF/N⌋ or ⌈S·RF/N⌉ replicas, on distinct
    /// nodes, in distinct zones where that is possible.
    /// </summary>
    /// <param name="current">How the shards lie now; replicas on nodes that are not listed are replaced.</param>
    /// <param name="replicationFactor">What the cluster is configured for.</param>
    /// <param name="nodes">The nodes there are; draining ones lose all.</param>
    public static PlacementPlan Plan(
        IReadOnlyList<ShardAssignment> current, int replicationFactor, IReadOnlyList<PlacementNode> nodes)
    {
        PlacementNode[] ring = Ring(nodes);
        return Plan(current, EffectiveReplicationFactor(replicationFactor, ring.Length), ring);
    }

    /// <summary>The same for a number of copies that the caller knows: no more than there are nodes to hold them.</summary>
    /// <param name="current">How the shards lie now; replicas on nodes that are not listed are replaced.</param>
    /// <param name="copies">Copies of each shard, odd or not.</param>
    /// <param name="nodes">The nodes there are; draining ones lose all.</param>
    public static PlacementPlan PlanCopies(
        IReadOnlyList<ShardAssignment> current, int copies, IReadOnlyList<PlacementNode> nodes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(copies);
        PlacementNode[] ring = Ring(nodes);
        return Plan(current, Math.Min(copies, ring.Length), ring);
    }

    private static PlacementPlan Plan(IReadOnlyList<ShardAssignment> current, int factor, PlacementNode[] ring)
    {
        var board = new PlacementBoard(current, ring, factor);
        board.TrimSurplus();
        board.PlaceMissing();
        board.Level();
        board.SpreadZones();
        return board.ToPlan(current);
    }

    /// <summary>
    /// The fewest leadership transfers after which the nodes lead as equal numbers of shards as their replicas allow.
    /// </summary>
    /// <param name="assignment">Where the replicas are.</param>
    /// <param name="leaders">The leader of each shard, in the same order; null where there is none now.</param>
    public static IReadOnlyList<LeaderTransfer> LevelLeaders(
        IReadOnlyList<ShardAssignment> assignment, IReadOnlyList<NodeNumber?> leaders) =>
        new LeaderBoard(assignment, leaders).Level();

    private static PlacementNode[] Ring(IReadOnlyList<PlacementNode> nodes)
    {
        PlacementNode[] ring = [.. nodes.Where(static n => !n.Draining)
            .OrderBy(static n => XxHash64.Hash(Encoding.UTF8.GetBytes(n.Name)))
            .ThenBy(static n => n.Number)];
        if (ring.Length == 0) throw new ArgumentException("no node is left to hold replicas", nameof(nodes));
        return ring;
    }

    private static List<NodeNumber> Walk(PlacementNode[] ring, int start, int factor)
    {
        var chosen = new List<PlacementNode>(factor);
        for (int pass = 0; pass < 2 && chosen.Count < factor; pass++)
        {
            for (int k = 0; k < ring.Length && chosen.Count < factor; k++)
            {
                PlacementNode node = ring[(start + k) % ring.Length];
                bool sameZone = pass == 0 && node.Zone.Length > 0 && chosen.Exists(c => c.Zone == node.Zone);
                if (!sameZone && !chosen.Contains(node)) chosen.Add(node);
            }
        }

        return chosen.ConvertAll(static n => n.Number);
    }
}
