namespace NoriKV.TestKit.Linearizability;

/// <summary>What a check came to.</summary>
/// <param name="KeysChecked">How many keys were looked at.</param>
/// <param name="Contradiction">The calls that cannot be put into an order; null for a linearizable history.</param>
public sealed record Verdict(int KeysChecked, Contradiction? Contradiction)
{
    /// <summary>True when every call fits. False, too, when that could not be decided: then there is no contradiction.</summary>
    public bool IsLinearizable => Contradiction is null && UndecidedKeys.Count == 0;

    /// <summary>How many of the keys looked at contradict.</summary>
    public int KeysContradicting { get; init; } = Contradiction is null ? 0 : 1;

    /// <summary>Keys whose calls were neither put into an order nor shown to have none within the allowed states.</summary>
    public IReadOnlyList<string> UndecidedKeys { get; init; } = [];
}
