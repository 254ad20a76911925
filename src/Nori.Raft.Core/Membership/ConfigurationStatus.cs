namespace Nori.Raft.Core;

/// <summary>What became of a proposed configuration.</summary>
public enum ConfigurationStatus
{
    /// <summary>
    /// It is in the log; it counts from now on and is done when the entry of its second step commits.
    /// </summary>
    Accepted,

    /// <summary>This replica does not lead.</summary>
    NotLeader,

    /// <summary>The leader is handing over.</summary>
    Transferring,

    /// <summary>It was planned against another configuration than the one in effect.</summary>
    Stale,

    /// <summary>Another change is not done yet.</summary>
    InProgress,

    /// <summary>The leader has not yet committed an entry of its own term.</summary>
    NoCommitInTerm,

    /// <summary>A new voter is not a learner yet, or one that lags behind.</summary>
    NotCaughtUp,

    /// <summary>The target has no voters, names a replica twice, or is what is in effect already.</summary>
    Invalid,
}
