namespace NoriKV.Node.Replication;

/// <summary>Everything that waits for an answer, so that deadlines and failures reach it wherever it is.</summary>
/// <remarks>Thread-safe: the lock guards the list. Answered ones leave at the next look, a tick later at most.</remarks>
internal sealed class PendingWatch
{
    private readonly Lock _lock = new();
    private List<IPendingAnswer> _watched = [];
    private List<IPendingAnswer> _kept = [];

    public bool IsEmpty
    {
        get
        {
            lock (_lock) return _watched.Count == 0;
        }
    }

    /// <summary>Watches one; true when it is the first.</summary>
    public bool Add(IPendingAnswer pending)
    {
        lock (_lock)
        {
            _watched.Add(pending);
            return _watched.Count == 1;
        }
    }

    /// <summary>Answers those that are due.</summary>
    public void Expire(long now) => Visit(now, static (pending, now) => pending.ExpireIfDue(now));

    /// <summary>Answers all of them.</summary>
    public void Fail(string why) => Visit(why, static (pending, why) =>
    {
        pending.Fail(why);
        return true;
    });

    private void Visit<TState>(TState state, Func<IPendingAnswer, TState, bool> isDone)
    {
        lock (_lock)
        {
            _kept.Clear();
            foreach (IPendingAnswer pending in _watched)
            {
                if (!isDone(pending, state)) _kept.Add(pending);
            }

            (_watched, _kept) = (_kept, _watched);
            _kept.Clear();
        }
    }
}
