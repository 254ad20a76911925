using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>What became of a command.</summary>
/// <param name="Status">Applied, or why not, or that it cannot be said.</param>
/// <param name="Result">What the state machine returned, when applied.</param>
/// <param name="Term">The term of its entry, where it got one.</param>
/// <param name="Index">The place of its entry, where it got one: equal on all replicas, rising with the order.</param>
/// <param name="Leader">Who leads, as far as known: where to send it, when this replica does not.</param>
public readonly record struct CommandResult(
    CommandStatus Status, ReadOnlyMemory<byte> Result, Term Term, LogIndex Index, ReplicaId Leader)
{
    /// <summary>True when it is applied and durable on a majority.</summary>
    public bool IsApplied => Status == CommandStatus.Applied;

    /// <summary>True when it was surely not executed: sending it again does not execute it twice.</summary>
    public bool IsSafeToRetry => Status is CommandStatus.NotLeader or CommandStatus.Overloaded or CommandStatus.Lost;
}
