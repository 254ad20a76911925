namespace NoriKV.Node;

/// <summary>The question put to an <see cref="IAuthorizer"/>.</summary>
/// <param name="Principal">Who asks; empty for an anonymous caller.</param>
/// <param name="Action">What for.</param>
/// <param name="Start">The key, or the first key of a range (inclusive; empty: from the first).</param>
/// <param name="End">
/// Null when only the key <paramref name="Start"/> is meant; else the end of a range (exclusive; empty: to
/// the last).
/// </param>
public readonly record struct AccessRequest(
    string Principal, AccessAction Action, ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte>? End)
{
    /// <summary>An action that names no keys.</summary>
    public static AccessRequest Of(string principal, AccessAction action) =>
        new(principal, action, default, default(ReadOnlyMemory<byte>));

    /// <summary>An action on one key.</summary>
    public static AccessRequest OfKey(string principal, AccessAction action, ReadOnlyMemory<byte> key) =>
        new(principal, action, key, null);
}
