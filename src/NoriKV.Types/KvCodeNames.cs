namespace NoriKV.Types;

/// <summary>The words for codes in JSON bodies, metric labels and logs.</summary>
public static class KvCodeNames
{
    private static readonly string[] Upper = [.. Enum.GetValues<KvCode>().Select(static c => Snake(c.ToString()))];
    private static readonly string[] Lower = [.. Upper.Select(static n => n.ToLowerInvariant())];

    /// <summary>Such as <c>VERSION_MISMATCH</c>.</summary>
    public static string ToWire(this KvCode code) => Upper[(int)code];

    /// <summary>Such as <c>version_mismatch</c>: the metric label.</summary>
    public static string ToLabel(this KvCode code) => Lower[(int)code];

    private static string Snake(string pascal) =>
        string.Concat(pascal.Select(static (c, i) =>
            i > 0 && char.IsUpper(c) ? $"_{c}" : $"{char.ToUpperInvariant(c)}"));
}
