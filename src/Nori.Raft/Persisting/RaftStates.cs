using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>What logs that keep entries in order tell a core at its start.</summary>
public static class RaftStates
{
    /// <summary>The state that a log holds.</summary>
    /// <param name="start">The place before the entries.</param>
    /// <param name="entries">The entries, consecutive, behind that place.</param>
    /// <param name="hardState">The term, vote and commit index; a commit index beyond the log is lowered to its end.</param>
    /// <param name="isDamaged">True when the log once held more than it does.</param>
    /// <exception cref="InvalidDataException">A configuration cannot be read.</exception>
    public static RaftState Describe(
        RaftLogBase start, IReadOnlyList<RaftEntry> entries, HardState hardState, bool isDamaged)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(entries);
        List<TermSpan> terms = [];
        List<ConfigurationEntry> configurations = [];
        long bytes = 0;
        foreach (RaftEntry entry in entries)
        {
            if (terms.Count == 0 || terms[^1].Term != entry.Term) terms.Add(new TermSpan(entry.Term, entry.Index));
            if (entry.Type == EntryType.Configuration) configurations.Add(Decode(entry));
            bytes += entry.Size;
        }

        LogIndex last = start.Index + (ulong)entries.Count;
        return new RaftState
        {
            HardState = hardState with { Commit = LogIndex.Min(hardState.Commit, last) },
            BaseIndex = start.Index,
            BaseTerm = start.Term,
            Terms = terms,
            LastIndex = last,
            LogBytes = bytes,
            BaseConfiguration = start.Configuration,
            Configurations = configurations,
            IsDamaged = isDamaged,
        };
    }

    private static ConfigurationEntry Decode(RaftEntry entry) =>
        ConfigurationCodec.TryDecode(entry.Data.Span, out Configuration configuration)
            ? new ConfigurationEntry(entry.Index, configuration)
            : throw new InvalidDataException($"entry {entry.Index} says it is a configuration and is none");
}
