namespace Nori.Raft.Core;

/// <summary>What a message is. The numbers are part of the wire format of drivers.</summary>
public enum MessageKind : byte
{
    /// <summary>Nothing; never sent.</summary>
    None = 0,

    /// <summary>
    /// Leader → all: entries behind Index/LogTerm, the commit index (AppendEntries, Raft §5.3).
    /// </summary>
    Append = 1,

    /// <summary>
    /// The log holds Index durably; or, rejected, it lacks Index and may agree at HintIndex/HintTerm.
    /// </summary>
    AppendResponse = 2,

    /// <summary>Leader → all: I lead, in Round; commit as far as you are known to hold the log.</summary>
    Heartbeat = 3,

    /// <summary>Round confirmed: at this moment I know of no later term.</summary>
    HeartbeatResponse = 4,

    /// <summary>Would you vote for me in Term? Changes nothing (dissertation §9.6).</summary>
    PreVote = 5,

    /// <summary>I would, or (rejected) I would not.</summary>
    PreVoteResponse = 6,

    /// <summary>Vote for me in Term; my log ends at Index/LogTerm (RequestVote, Raft §5.2).</summary>
    Vote = 7,

    /// <summary>My vote, or (rejected) none.</summary>
    VoteResponse = 8,

    /// <summary>
    /// A snapshot has arrived whole; Snapshot says what it covers (InstallSnapshot, Raft §7).
    /// </summary>
    Snapshot = 9,

    /// <summary>Leader → transfer target: campaign at once (dissertation §3.10).</summary>
    TimeoutNow = 10,

    /// <summary>Follower → leader: a read index for Context, please (dissertation §6.4).</summary>
    ReadIndex = 11,

    /// <summary>Index serves Context; or, rejected, leadership went away.</summary>
    ReadIndexResponse = 12,

    /// <summary>
    /// Leader → all: everything is committed up to Index/LogTerm; stop your timers until something happens.
    /// </summary>
    Hibernate = 13,

    /// <summary>I sleep since Round.</summary>
    HibernateResponse = 14,

    /// <summary>
    /// Follower → leader: my log was damaged and ends at Index now; Context is new with each start.
    /// </summary>
    Heal = 15,

    /// <summary>You are whole again once you hold Index; answers Context.</summary>
    HealResponse = 16,
}
