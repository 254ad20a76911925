namespace NoriKV.Node.Peers;

/// <summary>What a node asks of another one. Part of the format; numbers are never reused.</summary>
internal enum PeerMethod : byte
{
    /// <summary>None; never sent.</summary>
    None = 0,

    // Channel Forward: 1 to 63.

    /// <summary>An entry to be proposed by its shard's leader.</summary>
    Write = 1,

    /// <summary>Keys of one shard to be read.</summary>
    Read = 2,

    /// <summary>One page of the scan of some shards.</summary>
    Scan = 3,

    /// <summary>How old at most a leader's knowledge is that it leads, and through which index.</summary>
    Freshness = 4,

    // Channel Control: 64 to 191.

    /// <summary>A node without a number wants to join.</summary>
    Join = 64,
}
