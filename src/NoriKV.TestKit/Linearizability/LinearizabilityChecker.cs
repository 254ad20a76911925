namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// Decides whether a history is linearizable: whether each call can be given one moment between its call and its return
/// so that the calls, run one after the other in that order, return what they returned. Keys are independent
/// (linearizability is local: Herlihy and Wing 1990, theorem 1), so each key is checked alone. The problem is NP-complete in general:
/// a key that cannot be decided within the allowed states is named in <see cref="Verdict.UndecidedKeys"/>.
/// </summary>
public static class LinearizabilityChecker
{
    /// <summary>How many states may be looked at for one key beyond one for each of its calls, unless the caller says otherwise.</summary>
    public const long DefaultStatesMax = 2_000_000;

    // Which key has the shortest contradiction is looked for among so many; one bug breaks thousands alike.
    private const int MinimizedMax = 16;

    /// <summary>Checks all keys; stops at the first that contradicts. Its contradiction is not minimized.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Verdict Check(IEnumerable<Operation> history, CancellationToken cancellation = default)
    {
        int keys = 0;
        List<string> undecided = [];
        foreach (Operation[] operations in ByKey(history))
        {
            keys++;
            SearchBounds bounds = Bounds();
            if (!KeySearch.IsLinearizable(operations, bounds))
                return new Verdict(keys, Contradiction.Shortest(operations, Bounds)) { UndecidedKeys = undecided };
            if (bounds.IsSpent) undecided.Add(operations[0].Key);
            SearchBounds Bounds() => SearchBounds.Of(DefaultStatesMax + operations.Length, cancellation);
        }

        return new Verdict(keys, null) { UndecidedKeys = undecided };
    }

    /// <summary>
    /// Checks all keys, goes on behind one that contradicts, and gives the shortest contradiction that it finds, minimized.
    /// </summary>
    /// <param name="history">The calls.</param>
    /// <param name="progress">Told after each key, and now and then while one takes long.</param>
    /// <param name="statesMax">
    /// How many states may be looked at for one key beyond one for each of its calls. A state takes 100 to 400 bytes of memory until
    /// its key is decided.
    /// </param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Verdict CheckAll(
        IReadOnlyCollection<Operation> history,
        Action<CheckProgress>? progress = null,
        long statesMax = DefaultStatesMax,
        CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(statesMax);
        int keys = 0, contradicting = 0;
        long calls = 0;
        List<string> undecided = [];
        Contradiction? shortest = null;
        foreach (Operation[] operations in ByKey(history))
        {
            keys++;
            SearchBounds bounds = Bounds();
            if (!KeySearch.IsLinearizable(operations, bounds))
            {
                if (contradicting++ < MinimizedMax)
                {
                    Contradiction found = Contradiction.Shortest(operations, Bounds).Minimize(cancellation);
                    if (shortest is null || found.Operations.Count < shortest.Operations.Count) shortest = found;
                }
            }
            else if (bounds.IsSpent)
            {
                undecided.Add(operations[0].Key);
            }

            calls += operations.Length;
            progress?.Invoke(new CheckProgress(calls, history.Count));

            SearchBounds Bounds()
            {
                long all = Math.Min(statesMax, long.MaxValue - operations.Length) + operations.Length;
                return SearchBounds.Of(all, cancellation, left => progress?.Invoke(new CheckProgress(calls, history.Count, all - left)));
            }
        }

        return new Verdict(keys, shortest) { KeysContradicting = contradicting, UndecidedKeys = undecided };
    }

    private static IEnumerable<Operation[]> ByKey(IEnumerable<Operation> history) => history
        .GroupBy(o => o.Key, StringComparer.Ordinal)
        .Select(key => key.OrderBy(o => o.Called).ToArray());
}
