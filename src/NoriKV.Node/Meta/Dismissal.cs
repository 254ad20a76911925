using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>A node is no member any more, which is for ever: its number is never used again.</summary>
/// <param name="Revision">Of the map that says so.</param>
/// <param name="State">What became of it: decommissioned or replaced.</param>
public sealed record Dismissal(ulong Revision, RegisteredState State)
{
    /// <summary>The state in a sentence.</summary>
    public string Word => State == RegisteredState.Replaced ? "replaced" : "decommissioned";

    /// <summary>What a map says of a node on that store; null for a member, and for one that it does not know on that store.</summary>
    public static Dismissal? Of(ClusterMap map, NodeNumber node, Guid store)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Find(node) is not { IsMember: false } gone) return null;
        return gone.StoreUuid == Guid.Empty || gone.StoreUuid == store ? new Dismissal(map.Revision, gone.State) : null;
    }
}
