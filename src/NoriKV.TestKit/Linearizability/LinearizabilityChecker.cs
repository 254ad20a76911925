namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// Decides whether a history is linearizable: whether each call can be given one moment between its call and its return
/// so that the calls, run one after the other in that order, return what they returned. Keys are independent
/// (linearizability is local: Herlihy and Wing 1990, theorem 1), so each key is checked alone.
/// </summary>
public static class LinearizabilityChecker
{
    // Which key has the shortest contradiction is looked for among so many; one bug breaks thousands alike.
    private const int MinimizedMax = 16;

    /// <summary>Checks all keys; stops at the first that contradicts. Its contradiction is not minimized.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Verdict Check(IEnumerable<Operation> history, CancellationToken cancellation = default)
    {
        int keys = 0;
        foreach (Operation[] operations in ByKey(history))
        {
            keys++;
            if (!KeySearch.IsLinearizable(operations, cancellation))
                return new Verdict(keys, Contradiction.Shortest(operations, cancellation));
        }

        return new Verdict(keys, null);
    }

    /// <summary>
    /// Checks all keys, goes on behind one that contradicts, and gives the shortest contradiction that it finds, minimized.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Verdict CheckAll(
        IReadOnlyCollection<Operation> history,
        Action<CheckProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        int keys = 0, contradicting = 0;
        long calls = 0;
        Contradiction? shortest = null;
        foreach (Operation[] operations in ByKey(history))
        {
            keys++;
            calls += operations.Length;
            if (!KeySearch.IsLinearizable(operations, cancellation) && contradicting++ < MinimizedMax)
            {
                Contradiction found = Contradiction.Shortest(operations, cancellation).Minimize(cancellation);
                if (shortest is null || found.Operations.Count < shortest.Operations.Count) shortest = found;
            }

            progress?.Invoke(new CheckProgress(calls, history.Count));
        }

        return new Verdict(keys, shortest) { KeysContradicting = contradicting };
    }

    private static IEnumerable<Operation[]> ByKey(IEnumerable<Operation> history) => history
        .GroupBy(o => o.Key, StringComparer.Ordinal)
        .Select(key => key.OrderBy(o => o.Called).ToArray());
}
