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

    /// <summary>As Write, of a request that is traced: the answer brings the stages.</summary>
    TracedWrite = 5,

    /// <summary>As Read, of a request that is traced: the answer brings the stages.</summary>
    TracedRead = 6,

    // Channel Control: 64 to 191.

    /// <summary>A node without a number wants to join.</summary>
    Join = 64,

    /// <summary>A node says to the meta leader that it is there, and who leads what.</summary>
    Heartbeat = 65,

    /// <summary>The meta leader says what changed.</summary>
    News = 66,

    /// <summary>How shards' memberships stand.</summary>
    Inspect = 67,

    /// <summary>Another membership of a shard.</summary>
    ChangeMembers = 68,

    /// <summary>Leadership of a shard to another node.</summary>
    Transfer = 69,

    /// <summary>An operator's wish, for the meta leader.</summary>
    Admin = 70,

    /// <summary>A replica that was written to is gone: who wrote should ask where its shard is.</summary>
    Gone = 71,

    /// <summary>What a node says of itself when it is asked what is wrong.</summary>
    Diagnose = 72,

    /// <summary>How shards' memberships seem to stand, without asking a majority: wakes nobody, and nothing is done by it.</summary>
    Glance = 73,

    /// <summary>What a node shows of itself to those who watch the cluster.</summary>
    Picture = 80,

    /// <summary>A replica whose tables cannot be read asks its leader for a snapshot.</summary>
    Rebuild = 96,

    /// <summary>A replica is to be hashed behind an entry to come.</summary>
    CompareArm = 97,

    /// <summary>What came of that.</summary>
    CompareAsk = 98,

    /// <summary>A replica holds something else than most of the others.</summary>
    CompareDiffers = 99,
}
