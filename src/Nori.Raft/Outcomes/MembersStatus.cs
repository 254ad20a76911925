namespace Nori.Raft;

/// <summary>What became of a change of members.</summary>
public enum MembersStatus
{
    /// <summary>It is in effect and committed.</summary>
    Done,

    /// <summary>It was not begun; the reason is beside it.</summary>
    Refused,

    /// <summary>It was begun, and leadership went away or time ran out: it may be in effect, soon or never.</summary>
    Unknown,
}
