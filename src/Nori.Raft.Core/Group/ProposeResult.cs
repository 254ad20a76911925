namespace Nori.Raft.Core;

/// <summary>What became of a proposal.</summary>
/// <param name="Status">Accepted or why not.</param>
/// <param name="First">The index of the first entry, when accepted; the others follow it.</param>
/// <param name="Term">Their term. They are committed when this index is, with this term; with another they
/// are lost.</param>
/// <param name="Leader">Who leads, as far as known.</param>
public readonly record struct ProposeResult(ProposeStatus Status, LogIndex First, Term Term, ReplicaId Leader)
{
    /// <summary>True when the entries are in the log.</summary>
    public bool IsAccepted => Status == ProposeStatus.Accepted;
}
