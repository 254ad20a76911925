namespace NoriKV.Node.Recovery;

/// <summary>What is left of a shard.</summary>
public enum ShardVerdict
{
    /// <summary>A majority of its voters: nothing that was acknowledged is lost.</summary>
    Whole,

    /// <summary>A copy, but no majority: what the others acknowledged behind its last entry is lost.</summary>
    Partial,

    /// <summary>No copy: all its keys are lost.</summary>
    Gone,
}
