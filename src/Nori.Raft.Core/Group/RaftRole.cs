namespace Nori.Raft.Core;

/// <summary>What a replica is at the moment.</summary>
public enum RaftRole
{
    /// <summary>Follows, or waits for somebody to follow.</summary>
    Follower,

    /// <summary>Asks whether a campaign could be won, without disturbing anybody.</summary>
    PreCandidate,

    /// <summary>Campaigns in a term of its own.</summary>
    Candidate,

    /// <summary>Leads.</summary>
    Leader,
}
