namespace Nori.Raft.Core;

/// <summary>
/// The majority of a set of voters. The empty set agrees to everything: it is the missing half of a joint
/// one.
/// </summary>
public readonly struct Quorum
{
    private const int OnStackMax = 16;
    private readonly IReadOnlyList<ReplicaId>? _voters;

    /// <summary>The majority of these voters.</summary>
    public Quorum(IReadOnlyList<ReplicaId> voters) => _voters = voters;

    /// <summary>The number of voters.</summary>
    public int Count => _voters?.Count ?? 0;

    /// <summary>The number of voters that make a majority.</summary>
    public int Majority => (Count / 2) + 1;

    /// <summary>
    /// The greatest value that a majority has reached: the commit index when each voter's value is the end of
    /// its durable log (Raft §5.3, §5.4). <see cref="ulong.MaxValue"/> without voters.
    /// </summary>
    public ulong Reached(Func<ReplicaId, ulong> valueOf)
    {
        if (Count == 0) return ulong.MaxValue;
        Span<ulong> values = Count <= OnStackMax ? stackalloc ulong[Count] : new ulong[Count];
        for (int i = 0; i < Count; i++) values[i] = valueOf(_voters![i]);
        values.Sort();
        return values[Count - Majority];
    }

    /// <summary>How the votes stand; null is a vote not yet cast.</summary>
    public VoteResult Tally(Func<ReplicaId, bool?> voteOf)
    {
        int yes = 0, no = 0;
        for (int i = 0; i < Count; i++)
        {
            bool? vote = voteOf(_voters![i]);
            if (vote == true) yes++;
            else if (vote == false) no++;
        }

        if (Count == 0 || yes >= Majority) return VoteResult.Won;
        return no > Count - Majority ? VoteResult.Lost : VoteResult.Pending;
    }
}
