using Nori.Lsm;
using NoriKV.Node.Live;
using NoriKV.Node.Machine;

namespace NoriKV.Node.Tests;

/// <summary>How large shards are, as far as tables tell.</summary>
public sealed class ShardSizesTests
{
    [Fact]
    public void A_table_is_shared_evenly_by_the_shards_it_spans()
    {
        // Slot 3 is nobody's any more; shards need not lie in the order of slots.
        (uint, uint)[] slots = [(1, 2), (2, 0), (4, 1)];
        long[] sizes = ShardSizes.Estimate([Table(1, 4, 900), Table(2, 2, 50), Table(3, 3, 7), Table(4, uint.MaxValue, 20)], slots, 3);
        Assert.Equal([350, 320, 300], sizes);
    }

    [Fact]
    public void No_tables_and_no_slots_are_zeros() => Assert.Equal([0, 0], ShardSizes.Estimate([Table(1, 9, 5)], [], 2));

    private static LsmTableSpan Table(uint first, uint last, long bytes) => new(
        EngineKey.Create(first, EngineKeyKind.User), EngineKey.Create(last, EngineKeyKind.User), bytes);
}
