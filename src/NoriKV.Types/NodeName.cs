namespace NoriKV.Types;

/// <summary>A node's id outside: 1 to 64 of letters, digits, dot, underscore and hyphen.</summary>
public static class NodeName
{
    /// <summary>The longest name.</summary>
    public const int LengthMax = 64;

    /// <summary>True for a name that may be used.</summary>
    public static bool IsValid(string? name) =>
        name is { Length: > 0 and <= LengthMax }
        && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');
}
