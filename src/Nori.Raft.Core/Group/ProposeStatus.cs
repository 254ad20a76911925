namespace Nori.Raft.Core;

/// <summary>What became of a proposal.</summary>
public enum ProposeStatus
{
    /// <summary>It is in this replica's log, not yet committed.</summary>
    Accepted,

    /// <summary>This replica does not lead.</summary>
    NotLeader,

    /// <summary>The leader is handing over; try the next one soon.</summary>
    Transferring,

    /// <summary>Too many bytes wait for their commit.</summary>
    Overloaded,
}
