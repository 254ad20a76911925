namespace NoriKV.TestKit.Linearizability;

/// <summary>One call of a recorded history.</summary>
/// <param name="Client">Who called; one client has one call open at a time.</param>
/// <param name="Called">When it was called, on the history's own clock.</param>
/// <param name="Returned">When it returned; <see cref="Unknown"/> when its outcome was never learnt.</param>
/// <param name="Key">The key it touches.</param>
/// <param name="Kind">What it does.</param>
/// <param name="Argument">What was written or appended; the new value of a compare-and-set.</param>
/// <param name="Expected">The value that a compare-and-set expects.</param>
/// <param name="Result">What a read returned; null for a missing key.</param>
/// <param name="Succeeded">For a compare-and-set: it found what it expected.</param>
public sealed record Operation(
    int Client,
    long Called,
    long Returned,
    string Key,
    OperationKind Kind,
    string? Argument = null,
    string? Expected = null,
    string? Result = null,
    bool Succeeded = true)
{
    /// <summary>
    /// The return time of a call whose outcome is unknown: it may take effect at any time after its call, or never.
    /// </summary>
    public const long Unknown = long.MaxValue;

    /// <summary>True when somebody learnt the outcome.</summary>
    public bool IsKnown => Returned != Unknown;

    /// <summary>The call and what it answered, for people.</summary>
    public override string ToString() => Kind switch
    {
        OperationKind.Read => IsKnown ? $"read -> {Show(Result)}" : "read -> ?",
        OperationKind.Write => $"write {Show(Argument)}{Doubt}",
        OperationKind.Append => $"append {Show(Argument)}{Doubt}",
        OperationKind.Delete => $"delete{Doubt}",
        _ => $"cas {Show(Expected)} => {Show(Argument)}{(IsKnown ? Succeeded ? " ok" : " failed" : " ?")}",
    };

    private string Doubt => IsKnown ? string.Empty : " ?";

    internal static string Show(string? value) => value switch
    {
        null => "nil",
        "" => "\"\"",
        { Length: > 24 } => $"…{value[^22..]}",
        _ => value,
    };
}
