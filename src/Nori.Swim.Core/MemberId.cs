namespace Nori.Swim.Core;

/// <summary>A member's id: 1 to 64 of letters, digits, dot, underscore and hyphen. Ordered bytewise.</summary>
/// <param name="Value">The text.</param>
public readonly record struct MemberId(string Value) : IComparable<MemberId>
{
    /// <summary>The longest id.</summary>
    public const int LengthMax = 64;

    /// <summary>True for a text that may be an id.</summary>
    public static bool IsValid(string? value) =>
        value is { Length: > 0 and <= LengthMax } && value.All(static c => c < 128 && IsIdByte((byte)c));

    /// <inheritdoc/>
    public int CompareTo(MemberId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;

    internal static bool IsValid(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > LengthMax) return false;
        foreach (byte b in bytes)
        {
            if (!IsIdByte(b)) return false;
        }

        return true;
    }

    private static bool IsIdByte(byte b) => char.IsAsciiLetterOrDigit((char)b) || b is (byte)'.' or (byte)'_' or (byte)'-';
}
