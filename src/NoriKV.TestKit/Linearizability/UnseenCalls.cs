namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// A write of unknown outcome whose value nobody ever saw may as well never have happened, and each such write would double
/// the search. Not so where a compare-and-set failed: it saw that something else was there, whatever it was.
/// </summary>
internal static class UnseenCalls
{
    /// <summary>The calls without those.</summary>
    public static Operation[] Without(Operation[] operations)
    {
        if (Array.TrueForAll(operations, static o => o.IsKnown)) return operations;
        HashSet<string> seen = new(StringComparer.Ordinal);
        bool somethingElse = false, appends = false;
        foreach (Operation o in operations)
        {
            if (o.Kind == OperationKind.Read && o.IsKnown) seen.Add(o.Result ?? string.Empty);
            if (o.Kind == OperationKind.CompareAndSet) seen.Add(o.Expected ?? string.Empty);
            somethingElse |= o is { Kind: OperationKind.CompareAndSet, IsKnown: true, Succeeded: false };
            appends |= o.Kind == OperationKind.Append;
        }

        return [.. operations.Where(o => o.IsKnown || (o.Kind != OperationKind.Read && (somethingElse || IsSeen(o))))];

        // What was appended to, or appended, is seen as a part of what was read.
        bool IsSeen(Operation o)
        {
            string value = o.Argument ?? string.Empty;
            return seen.Contains(value) || (appends && seen.Any(s => s.Contains(value, StringComparison.Ordinal)));
        }
    }
}
