namespace Nori.Raft;

/// <summary>Which parts a message has. The numbers are part of the format.</summary>
[Flags]
internal enum MessageFields : ushort
{
    None = 0,
    Index = 1 << 0,
    LogTerm = 1 << 1,
    Commit = 1 << 2,
    Hint = 1 << 3,
    Round = 1 << 4,
    Context = 1 << 5,
    Snapshot = 1 << 6,
    Entries = 1 << 7,
    Rejected = 1 << 8,
    Transfer = 1 << 9,
    All = (1 << 10) - 1,
}
