namespace Nori.SSTable.Format;

/// <summary>
/// Short keys for the index: at or behind a block's last key and before the next block's first.
/// </summary>
internal static class Separator
{
    /// <summary>
    /// Writes the shortest key s with last ≤ s &lt; next that this finds; returns its length, at most last's.
    /// </summary>
    public static int Shortest(ReadOnlySpan<byte> last, ReadOnlySpan<byte> next, Span<byte> target)
    {
        int common = last.CommonPrefixLength(next);
        if (common < last.Length)
        {
            // Sorted: next has a greater byte here.
            if (last[common] + 1 < next[common])
            {
                last[..common].CopyTo(target);
                target[common] = (byte)(last[common] + 1);
                return common + 1;
            }

            if (common + 1 < last.Length && common + 1 < next.Length)
            {
                next[..(common + 1)].CopyTo(target);
                return common + 1;
            }
        }

        last.CopyTo(target);
        return last.Length;
    }
}
