namespace NoriKV.Node.Meta;

/// <summary>What the registry says of a node. Part of the format of meta records.</summary>
public enum RegisteredState : byte
{
    /// <summary>It holds replicas.</summary>
    Active = 1,

    /// <summary>It gives its replicas up and gets none; it stays a member.</summary>
    Draining = 2,

    /// <summary>It holds nothing and is no member any more; its name is free, its number is never used again.</summary>
    Decommissioned = 3,

    /// <summary>
    /// Its operator gave it up: its replicas are replaced without waiting, its name is free for a node with another store.
    /// </summary>
    Replaced = 4,
}
