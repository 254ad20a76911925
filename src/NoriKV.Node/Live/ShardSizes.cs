using Nori.Lsm;
using NoriKV.Node.Machine;

namespace NoriKV.Node.Live;

/// <summary>How large shards are, as far as tables tell: one that spans several shares its bytes evenly among them.</summary>
internal static class ShardSizes
{
    /// <param name="tables">The engine's tables.</param>
    /// <param name="slots">The slots in use, rising, with the shards they belong to.</param>
    /// <param name="shards">Shards of the cluster.</param>
    public static long[] Estimate(IReadOnlyList<LsmTableSpan> tables, (uint Slot, uint Shard)[] slots, int shards)
    {
        long[] sizes = new long[shards];
        foreach (LsmTableSpan table in tables)
        {
            int first = FirstAtLeast(slots, EngineKey.SlotOf(table.Smallest.Span));
            uint last = EngineKey.SlotOf(table.Largest.Span);
            int end = last == uint.MaxValue ? slots.Length : FirstAtLeast(slots, last + 1);
            for (int i = first; i < end; i++) sizes[slots[i].Shard] += table.Bytes / (end - first);
        }

        return sizes;
    }

    private static int FirstAtLeast((uint Slot, uint Shard)[] slots, uint slot)
    {
        int low = 0, high = slots.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (slots[middle].Slot < slot) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
