namespace NoriKV.TestKit.Linearizability;

/// <summary>The shortest beginning of a key's history that cannot be put into an order.</summary>
/// <param name="Key">The key.</param>
/// <param name="Operations">The calls up to the one that breaks it; those still open then count as unknown.</param>
/// <param name="Culprit">The call whose return makes it impossible.</param>
public sealed record Contradiction(string Key, IReadOnlyList<Operation> Operations, Operation Culprit)
{
    /// <summary>Finds it. The history must not be linearizable.</summary>
    internal static Contradiction Shortest(Operation[] operations)
    {
        Operation[] byReturn = [.. operations.Where(o => o.IsKnown).OrderBy(o => o.Returned)];

        // A beginning of a linearizable history is linearizable, so the first bad beginning can be searched by halves.
        int good = 0, bad = byReturn.Length;
        while (bad - good > 1)
        {
            int middle = (good + bad) / 2;
            if (KeySearch.IsLinearizable(UpTo(operations, byReturn[middle - 1].Returned))) good = middle;
            else bad = middle;
        }

        Operation culprit = byReturn[bad - 1];
        return new Contradiction(culprit.Key, UpTo(operations, culprit.Returned), culprit);
    }

    private static Operation[] UpTo(Operation[] operations, long time) =>
    [
        .. operations
            .Where(o => o.Called <= time)
            .Select(o => o.Returned <= time ? o : o with { Returned = Operation.Unknown }),
    ];
}
