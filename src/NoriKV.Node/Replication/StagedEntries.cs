namespace NoriKV.Node.Replication;

/// <summary>
/// Bytes of entries between their arrival and the Ready that names them: a core may refuse an append, or take only a part,
/// so nothing may be put into the tail before.
/// </summary>
/// <remarks>Owned by the group's worker. Emptied with every Ready.</remarks>
internal sealed class StagedEntries
{
    // One for each append, in the order of arrival; a leader's proposals are runs of their own.
    private readonly List<Run> _runs = [];

    public bool IsEmpty => _runs.Count == 0;

    /// <summary>Entries of an append, behind one another.</summary>
    public void Add(ulong first, Nori.Raft.RaftEntry[] entries)
    {
        if (entries.Length > 0) _runs.Add(new Run(first, entries, null, 0));
    }

    /// <summary>A proposal of this leader.</summary>
    public void Add(ulong index, ulong term, ReadOnlyMemory<byte> envelope)
    {
        if (_runs.Count > 0 && _runs[^1] is { Own: { } own } last && last.Term == term && last.First + (ulong)own.Count == index)
        {
            own.Add(envelope);
            return;
        }

        _runs.Add(new Run(index, [], [envelope], term));
    }

    /// <summary>The bytes of an entry; false for one that was never staged.</summary>
    public bool TryGet(ulong index, ulong term, out ReadOnlyMemory<byte> envelope)
    {
        for (int i = _runs.Count - 1; i >= 0; i--)
        {
            Run run = _runs[i];
            if (index < run.First) continue;
            ulong offset = index - run.First;
            if (run.Own is { } own)
            {
                if (offset >= (ulong)own.Count || run.Term != term) continue;
                envelope = own[(int)offset];
                return true;
            }

            if (offset >= (ulong)run.Entries.Length || run.Entries[offset].Term.Value != term) continue;
            envelope = run.Entries[offset].Data;
            return true;
        }

        envelope = default;
        return false;
    }

    public void Clear() => _runs.Clear();

    private readonly record struct Run(
        ulong First, Nori.Raft.RaftEntry[] Entries, List<ReadOnlyMemory<byte>>? Own, ulong Term);
}
