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
    /// The leader's process is another one than before. Ends loyalty to it: its lease died with it.
    /// </summary>
    LeaderRestarted,
}
