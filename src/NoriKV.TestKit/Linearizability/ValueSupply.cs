namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// Of each value, how many calls that are not linearized yet must find it, and how many could bring it. When a value is given
/// up that somebody must find and nobody can bring again, there is no order behind that. Where each value is written once this
/// decides nearly everything: a value stays until all have read it.
/// </summary>
internal sealed class ValueSupply
{
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
    private readonly int[] _found;
    private readonly int[] _brought;
    private readonly int[] _foundLeft;
    private readonly int[] _broughtLeft;
    private readonly IReadOnlySet<string> _free;

    public ValueSupply(Operation[] operations, IReadOnlySet<string> free)
    {
        _free = free;
        _found = [.. operations.Select(o => o.IsKnown ? PlaceOf(Found(o)) : -1)];
        _brought = [.. operations.Select(o => PlaceOf(Brought(o)))];
        _foundLeft = new int[_places.Count];
        _broughtLeft = new int[_places.Count];
        for (int i = 0; i < operations.Length; i++) PutBack(i);
    }

    /// <summary>What a call of known outcome found; null for one that fits more than one value.</summary>
    public static string? Found(Operation o) => o.Kind switch
    {
        OperationKind.Read => o.Result ?? string.Empty,
        OperationKind.CompareAndSet when o.Succeeded => o.Expected ?? string.Empty,
        _ => null,
    };

    /// <summary>What is there behind a call, if it happened; a missing key is the empty value.</summary>
    public static string? Brought(Operation o) => o.Kind switch
    {
        OperationKind.Read => null,
        OperationKind.CompareAndSet when o.IsKnown && !o.Succeeded => null,
        OperationKind.Delete => string.Empty,
        _ => o.Argument ?? string.Empty,
    };

    public void Take(int operation) => Count(operation, -1);

    public void PutBack(int operation) => Count(operation, 1);

    /// <summary>True when somebody must still find what was there, and it is gone and cannot come back.</summary>
    public bool IsMissed(KeyState gone, KeyState now)
    {
        string value = gone.Value ?? string.Empty;
        return !gone.IsAny && !now.IsAny && value != (now.Value ?? string.Empty) && _places.TryGetValue(value, out int place)
            && _foundLeft[place] > 0 && _broughtLeft[place] == 0 && !_free.Contains(value);
    }

    private void Count(int operation, int step)
    {
        if (_found[operation] >= 0) _foundLeft[_found[operation]] += step;
        if (_brought[operation] >= 0) _broughtLeft[_brought[operation]] += step;
    }

    private int PlaceOf(string? value)
    {
        if (value is null) return -1;
        if (_places.TryGetValue(value, out int place)) return place;
        _places[value] = _places.Count;
        return _places.Count - 1;
    }
}
