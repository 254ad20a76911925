namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// Decides whether a history is linearizable: whether each call can be given one moment between its call and its return
/// so that the calls, run one after the other in that order, return what they returned. Keys are independent
/// (linearizability is local: Herlihy and Wing 1990, theorem 1), so each key is checked alone.
/// </summary>
public static class LinearizabilityChecker
{
    /// <summary>Checks all keys; stops at the first that contradicts.</summary>
    public static Verdict Check(IEnumerable<Operation> history)
    {
        int keys = 0;
        foreach (IGrouping<string, Operation> key in history.GroupBy(o => o.Key, StringComparer.Ordinal))
        {
            keys++;
            Operation[] operations = [.. key.OrderBy(o => o.Called)];
            if (!KeySearch.IsLinearizable(operations)) return new Verdict(keys, Contradiction.Shortest(operations));
        }

        return new Verdict(keys, null);
    }
}
