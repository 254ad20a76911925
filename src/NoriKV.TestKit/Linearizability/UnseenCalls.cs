namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// A write of unknown outcome whose value nobody ever saw may as well never have happened. Not so where a compare-and-set
/// failed: it saw that something else was there, whatever it was. Then all such values are one and the same to the search.
/// </summary>
internal static class UnseenCalls
{
    /// <summary>
    /// The calls that matter, those of known outcome first, the others in the order of their calls; and each as the search may
    /// treat it.
    /// </summary>
    public static (Operation[] Kept, Operation[] Treated) Of(Operation[] operations)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        bool somethingElse = false, appends = false;
        foreach (Operation o in operations)
        {
            if (o.Kind == OperationKind.Read && o.IsKnown) seen.Add(o.Result ?? string.Empty);
            if (o.Kind == OperationKind.CompareAndSet) seen.Add(o.Expected ?? string.Empty);
            somethingElse |= o is { Kind: OperationKind.CompareAndSet, IsKnown: true, Succeeded: false };
            appends |= o.Kind == OperationKind.Append;
        }

        Operation[] kept =
        [
            .. operations.Where(static o => o.IsKnown),
            .. operations
                .Where(o => !o.IsKnown && o.Kind != OperationKind.Read && (somethingElse || IsSeen(Value(o))))
                .OrderBy(static o => o.Called),
        ];
        if (appends || Array.Find(kept, o => Brings(o) && !seen.Contains(Value(o))) is not { } unseen) return (kept, kept);
        return (kept, [.. kept.Select(o => !Brings(o) || seen.Contains(Value(o)) ? o : As(o, Value(unseen)))]);

        // What was appended to, or appended, is seen as a part of what was read.
        bool IsSeen(string value) =>
            seen.Contains(value) || (appends && seen.Any(s => s.Contains(value, StringComparison.Ordinal)));
    }

    private static bool Brings(Operation o) => ValueSupply.Brought(o) is not null;

    private static string Value(Operation o) => ValueSupply.Brought(o) ?? string.Empty;

    private static Operation As(Operation o, string value) =>
        o with { Kind = o.Kind == OperationKind.Delete ? OperationKind.Write : o.Kind, Argument = value };
}
