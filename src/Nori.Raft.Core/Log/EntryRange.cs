namespace Nori.Raft.Core;

/// <summary>
/// Entries that stand behind one another, without their bytes: the driver takes those from its log when it
/// sends or from the message when it receives. An entry is named by index and term: two replicas that hold
/// the same pair hold the same bytes.
/// </summary>
public sealed class EntryRange
{
    /// <summary>No entries.</summary>
    public static EntryRange Empty { get; } = new(default, default, [], [], 0);

    /// <summary>A range as a message or a log describes it.</summary>
    /// <param name="first">The first entry.</param>
    /// <param name="last">The last entry.</param>
    /// <param name="terms">The terms, one span each; the first span begins at the first entry.</param>
    /// <param name="configurations">The configurations among the entries, in order.</param>
    /// <param name="bytes">What the entries take, near enough for windows.</param>
    public EntryRange(
        LogIndex first,
        LogIndex last,
        IReadOnlyList<TermSpan> terms,
        IReadOnlyList<ConfigurationEntry> configurations,
        long bytes)
    {
        (First, Last, Terms, Configurations, Bytes) = (first, last, terms, configurations, bytes);
    }

    /// <summary>The first entry; 0 when there is none.</summary>
    public LogIndex First { get; }

    /// <summary>The last entry.</summary>
    public LogIndex Last { get; }

    /// <summary>The terms of the entries.</summary>
    public IReadOnlyList<TermSpan> Terms { get; }

    /// <summary>The configurations among the entries: the only contents that the core reads.</summary>
    public IReadOnlyList<ConfigurationEntry> Configurations { get; }

    /// <summary>What the entries take, in bytes, estimated to some kilobytes.</summary>
    public long Bytes { get; }

    /// <summary>True without entries.</summary>
    public bool IsEmpty => First.Value == 0;

    /// <summary>The number of entries.</summary>
    public ulong Count => IsEmpty ? 0 : Last - First + 1;

    /// <summary>The term of one of the entries.</summary>
    public Term TermAt(LogIndex index)
    {
        Term term = default;
        foreach (TermSpan span in Terms)
        {
            if (span.First > index) break;
            term = span.Term;
        }

        return term;
    }

    /// <summary>The configuration at a place, if the entry there is one.</summary>
    public Configuration? ConfigurationAt(LogIndex index)
    {
        foreach (ConfigurationEntry entry in Configurations)
            if (entry.Index == index) return entry.Configuration;
        return null;
    }

    /// <inheritdoc/>
    public override string ToString() => IsEmpty ? "-" : string.Join(' ', Terms.Select((t, i) =>
        $"{t.First}-{(i + 1 < Terms.Count ? Terms[i + 1].First.Previous : Last)}@{t.Term}"));

    // What a peer sent is checked, not believed.
    internal bool IsWellFormedBehind(LogIndex previous, Term previousTerm)
    {
        if (IsEmpty) return Terms.Count == 0 && Configurations.Count == 0;
        if (First != previous.Next || Last < First || Bytes < 0) return false;
        if (Terms.Count == 0 || Terms[0].First != First) return false;
        Term term = previousTerm;
        for (int i = 0; i < Terms.Count; i++)
        {
            if (Terms[i].First > Last || (i > 0 && Terms[i].First <= Terms[i - 1].First)) return false;
            if (i == 0 ? Terms[i].Term < term : Terms[i].Term <= term) return false;
            term = Terms[i].Term;
        }

        LogIndex behind = previous;
        foreach (ConfigurationEntry entry in Configurations)
        {
            if (entry.Index <= behind || entry.Index > Last || entry.Configuration.Voters.Count == 0) return false;
            behind = entry.Index;
        }

        return true;
    }
}
