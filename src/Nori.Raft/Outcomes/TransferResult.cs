namespace Nori.Raft;

/// <summary>What became of handing over leadership.</summary>
public enum TransferResult
{
    /// <summary>Another replica leads now.</summary>
    Done,

    /// <summary>This replica does not lead.</summary>
    NotLeader,

    /// <summary>The target is this replica, or no voter of the configuration to come.</summary>
    NotEligible,

    /// <summary>Another transfer is under way.</summary>
    InProgress,

    /// <summary>The target did not take over in time; this replica leads on, or nobody does at the moment.</summary>
    TimedOut,
}
