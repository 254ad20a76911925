namespace Nori.Lsm;

/// <summary>A range of keys and the direction in which to walk it.</summary>
public readonly record struct ScanRange
{
    /// <summary>The first key, inclusive; empty: from the beginning.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>The key that ends the range, exclusive; null (or empty: no key is below it): no end.</summary>
    public ReadOnlyMemory<byte>? End
    {
        get;
        // A null array converts to an empty memory, not to null; both mean the same here.
        init => field = value is { IsEmpty: false } ? value : null;
    }

    /// <summary>True: from the greatest key down.</summary>
    public bool Reverse { get; init; }

    /// <summary>All keys, ascending.</summary>
    public static ScanRange All => default;

    /// <summary>The keys in [start, end).</summary>
    public static ScanRange Between(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end, bool reverse = false) =>
        new() { Start = start, End = end, Reverse = reverse };

    /// <summary>The keys that begin with <paramref name="prefix"/>.</summary>
    public static ScanRange Prefix(ReadOnlyMemory<byte> prefix, bool reverse = false) =>
        new() { Start = prefix, End = PrefixEnd(prefix.Span), Reverse = reverse };

    /// <summary>
    /// The least key above every key that begins with <paramref name="prefix"/>; null when there is none.
    /// </summary>
    public static byte[]? PrefixEnd(ReadOnlySpan<byte> prefix)
    {
        int last = prefix.LastIndexOfAnyExcept((byte)0xFF);
        if (last < 0) return null;
        byte[] end = prefix[..(last + 1)].ToArray();
        end[last]++;
        return end;
    }
}
