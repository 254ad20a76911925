namespace NoriKV.Node.Entries;

/// <summary>
/// What an entry of a shard's log is. Part of the format; an unknown kind stops the shard, it is never skipped.
/// </summary>
public enum EntryKind : byte
{
    /// <summary>Begins a term: nothing but its stamp.</summary>
    NoOp = 1,

    /// <summary>Operations of one client call.</summary>
    Operations = 2,

    /// <summary>A change of the shard's configuration (its body is Raft's).</summary>
    Configuration = 3,

    /// <summary>Moves shard time on, so that an idle shard's expired bytes can be dropped.</summary>
    Time = 4,
}
