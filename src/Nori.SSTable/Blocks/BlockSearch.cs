namespace Nori.SSTable.Blocks;

/// <summary>Finds one entry in a block without building keys: the point-read path.</summary>
// Hot path: no allocation, no key copies. Order: key ascending, then sequence descending.
internal static class BlockSearch
{
    /// <summary>
    /// Finds the first entry at or behind (key, sequence): of a greater key, or of this key with a sequence
    /// at or below
    /// <paramref name="sequence"/>.
    /// </summary>
    /// <returns>False when every entry is before it.</returns>
    public static bool TryFind(
        in Block block, ReadOnlySpan<byte> key, long sequence, out EntryHeader entry, out bool sameKey)
    {
        ReadOnlySpan<byte> entries = block.Entries;
        int offset = RestartBefore(in block, entries, key, sequence);

        // `match`: how many leading bytes of the previous entry's key, which is before the target, equal the
        // target's.
        int match = 0;
        while (offset < entries.Length)
        {
            entry = EntryHeader.Read(entries, offset);
            offset = entry.End;

            // It shares the byte in which its predecessor differs from the target: before the target, too.
            if (entry.Shared > match) continue;

            ReadOnlySpan<byte> suffix = entries.Slice(entry.KeyOffset, entry.Unshared);
            ReadOnlySpan<byte> rest = key[entry.Shared..];
            int common = suffix.CommonPrefixLength(rest);
            match = entry.Shared + common;
            if (common == rest.Length)
            {
                sameKey = common == suffix.Length;
                if (!sameKey || (long)(entry.Trailer >> 8) <= sequence) return true;
            }
            else if (common < suffix.Length && suffix[common] > rest[common])
            {
                sameKey = false;
                return true;
            }
        }

        entry = default;
        sameKey = false;
        return false;
    }

    /// <summary>
    /// The offset of the last restart point before (key, sequence); the first one when none is.
    /// </summary>
    public static int RestartBefore(
        in Block block, ReadOnlySpan<byte> entries, ReadOnlySpan<byte> key, long sequence)
    {
        int low = 0;
        int high = block.RestartCount - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            EntryHeader entry = EntryHeader.Read(entries, block.RestartOffset(middle));
            int order = entries.Slice(entry.KeyOffset, entry.Unshared).SequenceCompareTo(key);
            bool isBefore = order < 0 || (order == 0 && (long)(entry.Trailer >> 8) > sequence);
            if (isBefore) low = middle;
            else high = middle - 1;
        }

        return block.RestartCount == 0 ? 0 : block.RestartOffset(low);
    }
}
