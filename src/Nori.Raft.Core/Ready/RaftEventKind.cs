namespace Nori.Raft.Core;

/// <summary>What happened in a group.</summary>
public enum RaftEventKind
{
    /// <summary>Became follower; Replica is the leader, if known.</summary>
    BecameFollower,

    /// <summary>Asks whether a campaign could be won.</summary>
    BecamePreCandidate,

    /// <summary>Campaigns.</summary>
    BecameCandidate,

    /// <summary>Leads.</summary>
    BecameLeader,

    /// <summary>The leader gave up: no quorum was heard from within an election timeout.</summary>
    QuorumLost,

    /// <summary>The leader gave up because its driver asked it to.</summary>
    Resigned,

    /// <summary>The leader gave up because it is no voter of the committed configuration.</summary>
    Removed,

    /// <summary>A configuration took effect, by its entry at Index.</summary>
    ConfigurationAppended,

    /// <summary>A configuration was undone: its entry was cut off.</summary>
    ConfigurationUndone,

    /// <summary>Leadership is on its way to Replica.</summary>
    TransferStarted,

    /// <summary>It did not get there in time.</summary>
    TransferAborted,

    /// <summary>Replica needs a snapshot that covers Index.</summary>
    SnapshotNeeded,

    /// <summary>A snapshot up to Index takes the place of the log.</summary>
    SnapshotAccepted,

    /// <summary>The group sleeps.</summary>
    Slept,

    /// <summary>It is awake.</summary>
    Woke,

    /// <summary>The damaged log is whole again, durably up to Index: the mark on disk may go.</summary>
    Healed,
}
