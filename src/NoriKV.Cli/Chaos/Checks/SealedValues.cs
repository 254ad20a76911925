namespace NoriKV.Cli.Chaos.Checks;

/// <summary>What keys of earlier rounds must hold for ever. The oldest are forgotten.</summary>
internal sealed class SealedValues
{
    private const int KeysMax = 5000;
    private readonly Dictionary<string, string?> _values = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();

    public int Count => _values.Count;

    public void Add(IEnumerable<KeyValuePair<string, string?>> values)
    {
        foreach ((string key, string? value) in values)
        {
            if (_values.TryAdd(key, value)) _order.Enqueue(key);
            if (_order.Count > KeysMax) _values.Remove(_order.Dequeue());
        }
    }

    /// <summary>The first key that is not as it must be; null when all are.</summary>
    public string? FindWrong(IReadOnlyDictionary<string, string> found)
    {
        foreach ((string key, string? value) in _values)
        {
            string? there = found.GetValueOrDefault(key);
            if (there != value) return $"{key} is {there ?? "missing"} and was {value ?? "missing"} when its round ended";
        }

        return null;
    }
}
