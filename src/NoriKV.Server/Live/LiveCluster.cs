using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Server.Live;

/// <summary>The whole cluster as one node sees it at one moment. Immutable.</summary>
internal sealed record LiveCluster
{
    /// <summary>Rises with each.</summary>
    public long Version { get; init; }

    /// <summary>When, by this node's clock.</summary>
    public long UnixMs { get; init; }

    /// <summary>The map it was made with.</summary>
    public required ClusterMap Map { get; init; }

    /// <summary>The nodes of the cluster, by number; at most <see cref="NodesMax"/>.</summary>
    public IReadOnlyList<LiveNodeView> Nodes { get; init; } = [];

    /// <summary>Of each shard the place of its leader in <see cref="Nodes"/> plus one; 0 where nobody is known to lead.</summary>
    public byte[] Leaders { get; init; } = [];

    /// <summary>Of each shard its leader's term.</summary>
    public ulong[] Terms { get; init; } = [];

    /// <summary>Of each shard how many entries were committed in a second lately, as <see cref="Scale"/>.</summary>
    public byte[] Heat { get; init; } = [];

    /// <summary>Of each shard its estimated size in kilobytes, as <see cref="Scale"/>.</summary>
    public byte[] Sizes { get; init; } = [];

    /// <summary>Nodes shown at most: a place is a byte.</summary>
    public const int NodesMax = 250;

    /// <summary>Where a node is in <see cref="Nodes"/>, plus one; 0 where it is not.</summary>
    public int PlaceOf(ulong number)
    {
        for (int i = 0; i < Nodes.Count; i++)
        {
            if (Nodes[i].Number.Value == number) return i + 1;
        }

        return 0;
    }

    /// <summary>A logarithmic scale in a byte: 0 is 0, n stands for 2^((n-1)/8) - 1, within 5 %.</summary>
    public static byte Scale(double value) =>
        value <= 0 ? (byte)0 : (byte)Math.Min(255, 1 + Math.Round(Math.Log2(1 + value) * 8));
}
