namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// Where nothing but appending changes a key, all that is read begins with what is there: so the longest that was read must.
/// </summary>
internal sealed class AppendedOnly
{
    private readonly Operation[] _operations;
    private readonly string? _longest;
    private int _readsLeft;

    public AppendedOnly(Operation[] operations, KeyRules rules)
    {
        _operations = operations;
        Operation[] reads = [.. operations.Where(IsRead)];
        _readsLeft = reads.Length;
        if (rules.Free.Count > 0 || Array.Exists(operations, static o => !IsRead(o) && o.Kind != OperationKind.Append)) return;
        _longest = reads.Select(static o => o.Result ?? string.Empty).MaxBy(static r => r.Length);
    }

    public void Take(int operation) => _readsLeft -= IsRead(_operations[operation]) ? 1 : 0;

    public void PutBack(int operation) => _readsLeft += IsRead(_operations[operation]) ? 1 : 0;

    /// <summary>True when a read is left that cannot come any more.</summary>
    public bool IsHopeless(KeyState state) => _longest is not null && _readsLeft > 0 && !state.IsAny
        && !_longest.StartsWith(state.Value ?? string.Empty, StringComparison.Ordinal);

    private static bool IsRead(Operation o) => o.Kind == OperationKind.Read;
}
