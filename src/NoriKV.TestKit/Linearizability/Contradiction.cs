namespace NoriKV.TestKit.Linearizability;

/// <summary>Calls on one key that cannot be put into an order.</summary>
/// <param name="Key">The key.</param>
/// <param name="Operations">
/// The calls up to the one that breaks the order; those still open then count as unknown. Of a minimized contradiction only
/// those that are needed for it.
/// </param>
/// <param name="Culprit">The call whose return makes it impossible.</param>
public sealed record Contradiction(string Key, IReadOnlyList<Operation> Operations, Operation Culprit)
{
    /// <summary>How many calls before the culprit were left out because they do not matter.</summary>
    public int LeftOut { get; init; }

    /// <summary>True when the calls contradict each other whatever the value was before them.</summary>
    public bool BeginsAnywhere { get; init; }

    /// <summary>Values that calls left out may have written, at any time: even that explains nothing.</summary>
    public IReadOnlyList<string> FreeValues { get; init; } = [];

    /// <summary>An order into which the others fit; empty unless minimized.</summary>
    public IReadOnlyList<Operation> Order { get; init; } = [];

    /// <summary>
    /// The same contradiction with as few calls as can be found: no call of the result can be left out alone. What is left out is
    /// replaced by something that allows more, so that the calls which remain contradict each other by themselves.
    /// </summary>
    public Contradiction Minimize(CancellationToken cancellation = default) =>
        new ContradictionMinimizer(this, cancellation).Run();

    /// <summary>The shortest beginning of a history that is found not to be linearizable, each within bounds of its own.</summary>
    internal static Contradiction Shortest(Operation[] operations, Func<SearchBounds> bounds)
    {
        Operation[] byReturn = [.. operations.Where(o => o.IsKnown).OrderBy(o => o.Returned)];

        // A beginning of a linearizable history is linearizable, so the first bad beginning can be searched by halves.
        int good = 0, bad = byReturn.Length;
        while (bad - good > 1)
        {
            int middle = (good + bad) / 2;
            if (KeySearch.IsLinearizable(UpTo(operations, byReturn[..middle]), bounds())) good = middle;
            else bad = middle;
        }

        Operation culprit = byReturn[bad - 1];
        return new Contradiction(culprit.Key, UpTo(operations, byReturn[..bad]), culprit);
    }

    // By place and not by time: of several that return at one moment only one breaks the order.
    private static Operation[] UpTo(Operation[] operations, Operation[] returned)
    {
        HashSet<Operation> known = new(returned, ReferenceEqualityComparer.Instance);
        long now = returned[^1].Returned;
        return
        [
            .. operations
                .Where(o => o.Called <= now)
                .Select(o => known.Contains(o) ? o : o with { Returned = Operation.Unknown }),
        ];
    }
}
