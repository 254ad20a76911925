using NoriKV.Types;

namespace NoriKV.Node.Scanning;

/// <summary>The user keys still to be scanned: [start, end), an empty end is open.</summary>
internal readonly record struct KeyRange(byte[] Start, byte[] End)
{
    /// <summary>True when no key can lie in it.</summary>
    public bool IsEmpty => End.Length > 0 && Start.AsSpan().SequenceCompareTo(End) >= 0;

    /// <summary>True for a key that lies in it.</summary>
    public bool Contains(ReadOnlySpan<byte> key) =>
        key.SequenceCompareTo(Start) >= 0 && (End.Length == 0 || key.SequenceCompareTo(End) < 0);

    /// <summary>What the options ask for, behind the key of a token.</summary>
    public static KeyRange Of(ScanOptions scan, byte[]? lastKey)
    {
        byte[] start = scan.Prefix.IsEmpty ? scan.Start.ToArray() : scan.Prefix.ToArray();
        byte[] end = scan.Prefix.IsEmpty ? scan.End.ToArray() : EndOf(scan.Prefix.Span);
        if (lastKey is null) return new KeyRange(start, end);
        return scan.Reverse ? new KeyRange(start, lastKey) : new KeyRange(Behind(lastKey), end);
    }

    /// <summary>The least key above.</summary>
    public static byte[] Behind(ReadOnlySpan<byte> key)
    {
        byte[] next = new byte[key.Length + 1];
        key.CopyTo(next);
        return next;
    }

    private static byte[] EndOf(ReadOnlySpan<byte> prefix)
    {
        int last = prefix.LastIndexOfAnyExcept((byte)0xFF);
        if (last < 0) return [];
        byte[] end = prefix[..(last + 1)].ToArray();
        end[last]++;
        return end;
    }
}
