namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// The texts appended to a key of which each value can be taken apart into them in one way only, because none begins with
/// another. Then a text may be taken out of every value: the rest must still fit.
/// </summary>
internal sealed class AppendedTexts
{
    private readonly Dictionary<Operation, string[]> _parts = [];
    private readonly SortedSet<string> _texts = new(StringComparer.Ordinal);

    private AppendedTexts()
    {
    }

    public int Count => _texts.Count;

    public IEnumerable<string> All => _texts;

    /// <summary>Null for a key that is not only appended to and read, or whose values cannot be taken apart.</summary>
    public static AppendedTexts? Of(IReadOnlyList<Operation> operations)
    {
        AppendedTexts texts = new();
        foreach (Operation o in operations)
        {
            if (o.Kind == OperationKind.Append && !string.IsNullOrEmpty(o.Argument)) texts._texts.Add(o.Argument);
            else if (o.Kind != OperationKind.Read) return null;
        }

        if (texts.Count == 0) return null;
        string[] sorted = [.. texts._texts];
        for (int i = 1; i < sorted.Length; i++)
            if (sorted[i].StartsWith(sorted[i - 1], StringComparison.Ordinal)) return null;
        foreach (Operation read in operations.Where(static o => o.Kind == OperationKind.Read))
        {
            if (TakeApart(read.Result ?? string.Empty, sorted) is not { } parts) return null;
            texts._parts[Place(read)] = parts;
        }

        return texts;
    }

    /// <summary>The call as it is without some texts.</summary>
    public Operation Without(Operation o, HashSet<string> erased) => o.Kind != OperationKind.Read
        ? o
        : o with { Result = string.Concat(_parts[Place(o)].Where(p => !erased.Contains(p))) };

    /// <summary>The same for people: one ellipsis for each piece taken out.</summary>
    public Operation Show(Operation o, HashSet<string> erased)
    {
        if (o.Kind != OperationKind.Read) return o;
        List<string> shown = [];
        foreach (string part in _parts[Place(o)])
        {
            if (!erased.Contains(part)) shown.Add(part);
            else if (shown.Count == 0 || shown[^1] != "…") shown.Add("…");
        }

        return o with { Result = string.Join(' ', shown) };
    }

    // What a call is known by: its times may be weakened and its result cut meanwhile.
    private static Operation Place(Operation o) => new(o.Client, o.Called, Operation.Unknown, o.Key, o.Kind);

    private static string[]? TakeApart(string value, string[] sorted)
    {
        List<string> parts = [];
        for (int at = 0; at < value.Length; at += parts[^1].Length)
        {
            if (TextAt(value, at, sorted) is not { } text) return null;
            parts.Add(text);
        }

        return [.. parts];
    }

    private static string? TextAt(string value, int at, string[] sorted)
    {
        int low = 0, high = sorted.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            int order = string.CompareOrdinal(value, at, sorted[middle], 0, sorted[middle].Length);
            if (order == 0) return sorted[middle];
            if (order < 0) high = middle - 1;
            else low = middle + 1;
        }

        return null;
    }
}
