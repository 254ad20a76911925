namespace NoriKV.Types;

/// <summary>The role of a node in a cluster view.</summary>
public enum NodeRole
{
    /// <summary>Dead or never heard of.</summary>
    Unknown,

    /// <summary>Leads no shard.</summary>
    Follower,

    /// <summary>Leads at least one shard.</summary>
    Leader,
}
