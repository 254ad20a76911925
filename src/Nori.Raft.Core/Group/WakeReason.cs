namespace Nori.Raft.Core;

/// <summary>Why a group is woken.</summary>
public enum WakeReason
{
    /// <summary>There is something to do.</summary>
    Work,

    /// <summary>A peer came back that this group has entries for.</summary>
    PeerReturned,

    /// <summary>
    /// The leader's machine says that it is not well. Ends loyalty to it if the group sleeps.
    /// </summary>
    LeaderUnwell,

    /// <summary>
    /// The leader's machine was silent for an election timeout. Ends loyalty to it if the group sleeps.
    /// </summary>
    LeaderSilent,

    /// <summary>
    /// The process of the leader of the present term is another one than before, and this replica has not taken anything that the
    /// new one sent. Ends loyalty to the leader: its lease died with the process.
    /// </summary>
    LeaderRestarted,
}
