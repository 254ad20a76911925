using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>What became of a <see cref="JoinRequest"/>: a number, or why not.</summary>
public sealed record JoinReply
{
    /// <summary>Why it may not join, in words for an operator; null when it is a member.</summary>
    public string? Refusal { get; init; }

    /// <summary>With a refusal: asking again later may help (no meta leader just now). False: an operator must act.</summary>
    public bool MayRetry { get; init; }

    /// <summary>The cluster.</summary>
    public Guid ClusterId { get; init; }

    /// <summary>The node's number, for its identity; the same each time it asks.</summary>
    public NodeNumber Number { get; init; }

    /// <summary>Fixed at formation.</summary>
    public int TotalShards { get; init; }

    /// <summary>Fixed at formation.</summary>
    public bool HashTags { get; init; }

    /// <summary>What the cluster is configured for.</summary>
    public int ReplicationFactor { get; init; }

    /// <summary>The members with their addresses, the joiner included.</summary>
    public IReadOnlyList<PlannedNode> Nodes { get; init; } = [];
}
