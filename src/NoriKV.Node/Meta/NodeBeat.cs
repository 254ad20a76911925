using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>What the meta leader heard of a node since it leads. Guarded by the leader's lock.</summary>
internal sealed class NodeBeat(NodeNumber node)
{
    public NodeNumber Node { get; } = node;

    /// <summary>When it was heard last; when this leader began, before that.</summary>
    public long HeardAt { get; set; }

    /// <summary>It was heard at all.</summary>
    public bool IsHeard { get; set; }

    public Guid StoreUuid { get; set; }

    public string Address { get; set; } = "";

    public string Zone { get; set; } = "";

    /// <summary>Of the map it has, or was sent.</summary>
    public ulong Revision { get; set; }

    /// <summary>Of the view it has, or was sent.</summary>
    public ulong Epoch { get; set; }

    /// <summary>All it knew was heard once; what came since is what changed.</summary>
    public bool HasReported { get; set; }
}
