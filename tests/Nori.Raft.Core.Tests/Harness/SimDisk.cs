namespace Nori.Raft.Core.Tests.Harness;

/// <summary>What survives a crash: only what was persisted.</summary>
internal sealed class SimDisk
{
    public required ConfigurationEntry BaseConfiguration { get; set; }

    public HardState HardState { get; set; }

    public LogIndex BaseIndex { get; set; }

    public Term BaseTerm { get; set; }

    // The state machine at the base; entries are applied again from there.
    public ulong BaseState { get; set; }

    public List<SimEntry> Entries { get; } = [];

    public bool IsDamaged { get; set; }

    public LogIndex LastIndex => BaseIndex + (ulong)Entries.Count;

    public bool Holds(LogIndex index, Term term) =>
        index <= BaseIndex || (index <= LastIndex && Entries[(int)(index - BaseIndex) - 1].Term == term);

    public void Write(Ready ready, IReadOnlyList<SimEntry> entries, ulong snapshotState)
    {
        if (ready.Snapshot is { } snapshot)
        {
            Entries.Clear();
            (BaseIndex, BaseTerm, BaseState) = (snapshot.Index, snapshot.Term, snapshotState);
            BaseConfiguration = snapshot.Configuration;
        }

        foreach (SimEntry entry in entries)
        {
            // Already compacted away while this write was under way: the state machine holds it.
            if (entry.Index <= BaseIndex) continue;
            int at = (int)(entry.Index - BaseIndex) - 1;
            if (at < Entries.Count) Entries.RemoveRange(at, Entries.Count - at);
            Entries.Add(entry);
        }

        if (ready.HardState is { } hard) HardState = hard;
    }

    public RaftState Load()
    {
        List<TermSpan> terms = [];
        foreach (SimEntry entry in Entries)
            if (terms.Count == 0 || terms[^1].Term != entry.Term) terms.Add(new TermSpan(entry.Term, entry.Index));
        return new RaftState
        {
            HardState = HardState with { Commit = LogIndex.Min(HardState.Commit, LastIndex) },
            BaseIndex = BaseIndex,
            BaseTerm = BaseTerm,
            Terms = terms,
            LastIndex = LastIndex,
            LogBytes = Entries.Count * SimNode.EntryBytes,
            Applied = BaseIndex,
            BaseConfiguration = BaseConfiguration,
            Configurations = Entries.Where(e => e.Configuration is not null)
                .Select(e => new ConfigurationEntry(e.Index, e.Configuration!)).ToArray(),
            IsDamaged = IsDamaged,
        };
    }
}
