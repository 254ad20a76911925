using Nori.Core;

namespace Nori.Raft.Core;

/// <summary>
/// Reads that wait for a round of heartbeats. A read joins the next round that is <b>not yet sent</b>: a
/// round under way proves leadership at a time before the read came, which proves nothing for it.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class ReadIndexQueue
{
    private readonly int _readsMax;
    private readonly Queue<Round> _rounds = [];
    private List<PendingRead> _waiting = [];
    private int _inRounds;

    /// <summary>An empty queue.</summary>
    /// <param name="readsMax">Reads waiting, in rounds or for one, at most.</param>
    public ReadIndexQueue(int readsMax) => _readsMax = readsMax;

    /// <summary>True when a read waits for a round to be sent.</summary>
    public bool HasWaiting => _waiting.Count > 0;

    /// <summary>Rounds with reads that are on their way.</summary>
    public int RoundsInFlight => _rounds.Count;

    /// <summary>Reads waiting, in rounds or for one.</summary>
    public int Count => _waiting.Count + _inRounds;

    /// <summary>Lets a read wait for the next round; false when too many wait.</summary>
    public bool TryAdd(PendingRead read)
    {
        if (Count >= _readsMax) return false;
        _waiting.Add(read);
        return true;
    }

    /// <summary>
    /// A round goes out now: all that wait belong to it, and to the commit index of this moment.
    /// </summary>
    public void Close(ulong round, LogIndex commit)
    {
        if (_waiting.Count == 0) return;
        Invariant.Assert(_rounds.Count == 0 || _rounds.Last().Number < round);
        _rounds.Enqueue(new Round(round, commit, _waiting));
        _inRounds += _waiting.Count;
        _waiting = [];
    }

    /// <summary>A quorum confirmed the round, and with it each earlier one.</summary>
    public void Complete(ulong round, Action<PendingRead, LogIndex> done)
    {
        while (_rounds.TryPeek(out Round? first) && first.Number <= round)
        {
            _rounds.Dequeue();
            _inRounds -= first.Reads.Count;
            foreach (PendingRead read in first.Reads) done(read, first.Commit);
        }
    }

    /// <summary>Leadership is over: no read gets an index.</summary>
    public void Abort(Action<PendingRead> aborted)
    {
        foreach (PendingRead read in _rounds.SelectMany(r => r.Reads).Concat(_waiting)) aborted(read);
        _rounds.Clear();
        _waiting = [];
        _inRounds = 0;
    }

    private sealed record Round(ulong Number, LogIndex Commit, List<PendingRead> Reads);
}
