namespace Nori.Raft;

/// <summary>What a read may miss.</summary>
public enum ReadConsistency
{
    /// <summary>
    /// Nothing that was acknowledged before the read began; one round of messages, shared by all reads that wait. On any
    /// replica.
    /// </summary>
    Linearizable,

    /// <summary>
    /// The same, as long as no clock runs more than a tenth faster than another; no messages while this replica leads and
    /// holds its lease, otherwise like <see cref="Linearizable"/>.
    /// </summary>
    Lease,

    /// <summary>Whatever this replica has not heard of yet, be it for hours.</summary>
    Stale,
}
