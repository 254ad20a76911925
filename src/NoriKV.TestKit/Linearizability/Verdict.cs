namespace NoriKV.TestKit.Linearizability;

/// <summary>What a check came to.</summary>
/// <param name="KeysChecked">How many keys were looked at.</param>
/// <param name="Contradiction">The calls that cannot be put into an order; null for a linearizable history.</param>
public sealed record Verdict(int KeysChecked, Contradiction? Contradiction)
{
    /// <summary>True when every call fits.</summary>
    public bool IsLinearizable => Contradiction is null;

    /// <summary>How many of the keys looked at contradict.</summary>
    public int KeysContradicting { get; init; } = Contradiction is null ? 0 : 1;
}
