namespace NoriKV.TestKit.Linearizability;

/// <summary>What the search knows of a key's value.</summary>
/// <param name="Value">The value; null for a missing key.</param>
/// <param name="IsAny">Nothing is known: it may be any value.</param>
internal readonly record struct KeyState(string? Value, bool IsAny)
{
    /// <summary>The value before a beginning that was left out.</summary>
    public static KeyState Any => new(null, true);
}
