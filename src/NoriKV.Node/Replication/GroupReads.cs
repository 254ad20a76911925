namespace NoriKV.Node.Replication;

/// <summary>A group's reads: not yet asked for, on their way to be confirmed, confirmed and not yet applied.</summary>
/// <remarks>Owned by the group's worker.</remarks>
internal sealed class GroupReads
{
    private readonly Dictionary<ulong, (long AskedAt, List<ReadRequest> Reads)> _rounds = [];
    private readonly List<(ulong Index, long AskedAt, long ConfirmedAt, List<ReadRequest> Reads)> _confirmed = [];
    private ulong _context;

    /// <summary>Those that the next question of the core is for; also those whose round came to nothing.</summary>
    public List<ReadRequest> Waiting { get; private set; } = [];

    /// <summary>Reads wait for a state to be applied.</summary>
    public bool AwaitsApply => _confirmed.Count > 0;

    /// <summary>The next round's name.</summary>
    public ulong NextContext => _context + 1;

    /// <summary>What waited is on its way.</summary>
    public void Begin(long now)
    {
        _rounds.Add(++_context, (now, Waiting));
        Waiting = [];
    }

    /// <summary>A round came to nothing: its reads wait again.</summary>
    public void Abort(ulong context)
    {
        if (_rounds.Remove(context, out var round)) Waiting.AddRange(round.Reads);
    }

    /// <summary>A round is confirmed at an index.</summary>
    public void Confirm(ulong context, ulong index, long now)
    {
        if (_rounds.Remove(context, out var round)) _confirmed.Add((index, round.AskedAt, now, round.Reads));
    }

    /// <summary>Reads that were confirmed without this one's question.</summary>
    public void AddConfirmed(ulong index, List<ReadRequest> reads) =>
        _confirmed.Add((index, reads[0].AskedAt, reads[0].ConfirmedAt, reads));

    /// <summary>The replica goes away: all that waited.</summary>
    public IReadOnlyList<ReadRequest> TakeAll()
    {
        ReadRequest[] all = [.. Waiting, .. _rounds.Values.SelectMany(static r => r.Reads), .. _confirmed.SelectMany(static c => c.Reads)];
        Waiting = [];
        _rounds.Clear();
        _confirmed.Clear();
        return all;
    }

    /// <summary>Lets those pass whose index is applied.</summary>
    public void Pass(ulong applied, long now, Action<ReadRequest> passed)
    {
        for (int i = _confirmed.Count - 1; i >= 0; i--)
        {
            (ulong index, long askedAt, long confirmedAt, List<ReadRequest> reads) = _confirmed[i];
            if (index > applied) continue;
            foreach (ReadRequest read in reads)
            {
                (read.AskedAt, read.ConfirmedAt, read.PassedAt) = (askedAt, confirmedAt, now);
                if (read.TryPass()) passed(read);
            }

            _confirmed.RemoveAt(i);
        }
    }
}
