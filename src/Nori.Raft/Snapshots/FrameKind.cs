namespace Nori.Raft;

/// <summary>What a frame between replicas holds. The numbers are part of the format.</summary>
internal enum FrameKind : byte
{
    /// <summary>One message of the protocol.</summary>
    Message = 1,

    /// <summary>Leader → follower: there is a snapshot, so long.</summary>
    SnapshotOffer = 2,

    /// <summary>Leader → follower: a part of it.</summary>
    SnapshotChunk = 3,

    /// <summary>Follower → leader: so much of it is here.</summary>
    SnapshotAck = 4,
}
