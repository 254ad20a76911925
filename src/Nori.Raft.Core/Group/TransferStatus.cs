namespace Nori.Raft.Core;

/// <summary>What became of a request to hand over.</summary>
public enum TransferStatus
{
    /// <summary>It is under way; it is given up after an election timeout.</summary>
    Started,

    /// <summary>This replica does not lead.</summary>
    NotLeader,

    /// <summary>The target is this leader, or nobody who may lead in the configuration to come.</summary>
    NotEligible,

    /// <summary>Another one is under way.</summary>
    InProgress,
}
