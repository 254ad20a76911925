namespace Nori.Raft.Core;

/// <summary>How an election stands.</summary>
public enum VoteResult
{
    /// <summary>Neither won nor lost yet.</summary>
    Pending,

    /// <summary>A majority said yes.</summary>
    Won,

    /// <summary>A majority can no longer be had.</summary>
    Lost,
}
