using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>An entry of the log with its bytes. Index and term name it: equal pairs hold equal bytes.</summary>
/// <param name="Index">Its place, from 1.</param>
/// <param name="Term">The term of the leader that made it.</param>
/// <param name="Type">What it is.</param>
/// <param name="Data">Its bytes; empty of a <see cref="EntryType.NoOp"/>.</param>
public readonly record struct RaftEntry(LogIndex Index, Term Term, EntryType Type, ReadOnlyMemory<byte> Data)
{
    /// <summary>What an entry takes beside its data, in bytes, near enough for windows and limits.</summary>
    public const int OverheadBytes = 24;

    /// <summary>What it takes, in bytes, near enough for windows and limits.</summary>
    public long Size => OverheadBytes + (long)Data.Length;

    /// <inheritdoc/>
    public override string ToString() => $"{Index}@{Term} {Type} {Data.Length} B";
}
