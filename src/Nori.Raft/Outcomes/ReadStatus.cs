namespace Nori.Raft;

/// <summary>What became of a read.</summary>
public enum ReadStatus
{
    /// <summary>It was read.</summary>
    Done,

    /// <summary>No leader confirmed it in time.</summary>
    NoLeader,

    /// <summary>Too many reads wait.</summary>
    Overloaded,
}
