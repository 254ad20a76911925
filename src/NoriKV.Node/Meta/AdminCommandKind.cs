namespace NoriKV.Node.Meta;

/// <summary>What an operator wants. Part of a format.</summary>
internal enum AdminCommandKind : byte
{
    /// <summary>To know how things are.</summary>
    Status = 1,

    /// <summary>A node to be emptied.</summary>
    Drain = 2,

    /// <summary>A drained node to be filled again.</summary>
    Undrain = 3,

    /// <summary>An empty node to be no member any more.</summary>
    Decommission = 4,

    /// <summary>A node to be given up.</summary>
    Replace = 5,

    /// <summary>A shard to be led elsewhere.</summary>
    MoveLeader = 6,

    /// <summary>A replica to be elsewhere.</summary>
    MoveReplica = 7,
}
