using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>A read on its way: to a leader that confirms it, to the state machine, back.</summary>
internal abstract class ReadCall(ReadConsistency consistency)
{
    public ReadConsistency Consistency { get; set; } = consistency;

    /// <summary>The state must hold every entry up to here.</summary>
    public LogIndex Index { get; set; }

    /// <summary>The lease that must still hold after the read; null for none.</summary>
    public LeaseRead? Lease { get; set; }

    public long Deadline { get; set; }

    public abstract bool IsOver { get; }

    /// <summary>Reads. False when the reader threw, which is its caller's matter.</summary>
    public abstract bool Execute(LogIndex applied);

    public abstract void Complete(ReadStatus status);

    public abstract void Abandon(Exception? failure);
}
