namespace Nori.Raft.Core;

/// <summary>What became of a request for a read index.</summary>
public enum ReadIndexStatus
{
    /// <summary>It waits for the next round; a <see cref="ReadState"/> will come.</summary>
    Queued,

    /// <summary>
    /// It went to the leader; a <see cref="ReadState"/> will come, aborted if no answer does within an
    /// election timeout.
    /// </summary>
    Forwarded,

    /// <summary>Nobody is known to lead.</summary>
    NoLeader,

    /// <summary>Too many wait.</summary>
    Busy,
}
