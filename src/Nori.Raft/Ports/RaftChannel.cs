namespace Nori.Raft;

/// <summary>Ways between two replicas that do not hold each other up. The numbers are part of wire formats.</summary>
public enum RaftChannel : byte
{
    /// <summary>Messages of the protocol.</summary>
    Messages = 1,

    /// <summary>Snapshots: much, and never urgent.</summary>
    Snapshots = 2,
}
