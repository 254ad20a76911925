using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>What a log stores in one piece. Its parts take effect in the order they stand here.</summary>
public sealed record RaftLogWrite
{
    /// <summary>Another beginning of the log; null when unchanged.</summary>
    public RaftLogBase? Base { get; init; }

    /// <summary>Entries that replace whatever the log holds from the first one's index on.</summary>
    public IReadOnlyList<RaftEntry> Entries { get; init; } = [];

    /// <summary>The term, vote and commit index; null when unchanged.</summary>
    public HardState? HardState { get; init; }

    /// <summary>
    /// True: the log counts as damaged, and <see cref="RaftState.IsDamaged"/> says so at each start, until false is
    /// written. Null when unchanged.
    /// </summary>
    public bool? IsDamaged { get; init; }

    /// <summary>False: it may be lost in a crash.</summary>
    public bool MustSync { get; init; }

    /// <summary>What it takes, in bytes, near enough for limits.</summary>
    public long Size
    {
        get
        {
            long size = 64;
            foreach (RaftEntry entry in Entries) size += entry.Size;
            return size;
        }
    }
}
