namespace Nori.Raft.Core;

/// <summary>
/// Agreement "requires separate majorities from both the old and new configurations" (Raft §6). With one half
/// empty it is the majority of the other.
/// </summary>
public readonly struct JointQuorum
{
    private readonly Quorum _incoming;
    private readonly Quorum _outgoing;

    /// <summary>Both halves.</summary>
    public JointQuorum(Quorum incoming, Quorum outgoing) => (_incoming, _outgoing) = (incoming, outgoing);

    /// <summary>The greatest value that both majorities have reached.</summary>
    public ulong Reached(Func<ReplicaId, ulong> valueOf) =>
        Math.Min(_incoming.Reached(valueOf), _outgoing.Reached(valueOf));

    /// <summary>How the votes stand: won when both halves are, lost when one is.</summary>
    public VoteResult Tally(Func<ReplicaId, bool?> voteOf)
    {
        VoteResult incoming = _incoming.Tally(voteOf), outgoing = _outgoing.Tally(voteOf);
        if (incoming == VoteResult.Lost || outgoing == VoteResult.Lost) return VoteResult.Lost;
        return incoming == VoteResult.Won && outgoing == VoteResult.Won ? VoteResult.Won : VoteResult.Pending;
    }
}
