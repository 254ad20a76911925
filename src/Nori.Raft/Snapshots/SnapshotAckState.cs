namespace Nori.Raft;

/// <summary>What a receiver of a snapshot says. The numbers are part of the format.</summary>
internal enum SnapshotAckState : byte
{
    /// <summary>Go on behind the offset.</summary>
    Continue = 0,

    /// <summary>Something got lost: begin again at the offset.</summary>
    Gap = 1,

    /// <summary>It is here, or not needed any more.</summary>
    Done = 2,

    /// <summary>It is not taken.</summary>
    Refused = 3,
}
