using System.Buffers.Binary;
using Nori.Core;
using Nori.Lsm.Memtables;

namespace Nori.Lsm.Tests;

/// <summary>Range tombstones against a list that is asked one by one; and how many pieces they are cut into.</summary>
public sealed class RangeTombstoneTests
{
    private const int KeyCount = 60;

    [Fact]
    public void A_set_answers_like_a_list_for_every_snapshot()
    {
        for (ulong seed = 1; seed <= 200; seed++)
        {
            var random = new Prng(seed);
            RangeTombstone[] all = Random(random, random.NextInt(1, 40));
            ulong[] snapshots = [.. Enumerable.Range(0, random.NextInt(5)).Select(_ => random.NextUInt64() % 60).Distinct().Order()];
            RangeTombstoneSet set = RangeTombstoneSet.Build(all, snapshots);
            for (int key = 0; key < KeyCount; key++)
                foreach (ulong sequence in snapshots.Append(ulong.MaxValue >> 8))
                    Assert.Equal((seed, key, Newest(all, key, sequence)), (seed, key, set.Covering(Key(key), sequence)));
            for (int i = 1; i < set.Count; i++)
                Assert.True(KeyComparer.Instance.Compare(set[i - 1].End, set[i].Start) <= 0, $"seed {seed}: fragments overlap");
        }
    }

    [Fact]
    public void A_log_answers_like_a_list_at_every_sequence_number_while_it_grows()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var random = new Prng(seed);
            RangeTombstone[] all = Random(random, 150);
            var log = new RangeTombstoneLog();
            for (int count = 1; count <= all.Length; count++)
            {
                RangeTombstoneCover before = log.Now();
                log.Add(all[count - 1]);
                int key = random.NextInt(KeyCount);
                ulong sequence = (ulong)random.NextInt(1, count + 10);
                ReadOnlySpan<RangeTombstone> written = all.AsSpan(0, count);
                Assert.Equal(Newest(written, key, sequence), log.Covering(Key(key), sequence));
                Assert.Equal(Newest(written, key, ulong.MaxValue >> 8), log.Now().Covering(Key(key), ulong.MaxValue >> 8));
                // What was taken before does not see what came behind it.
                Assert.Equal(Newest(written[..^1], key, ulong.MaxValue >> 8), before.Covering(Key(key), ulong.MaxValue >> 8));
            }

            Assert.Equal(all, log.List());
        }
    }

    [Fact]
    public void Tombstones_that_all_overlap_each_other_are_not_cut_into_pieces_by_pieces()
    {
        // Each within the one before: cut at all ends, with all that cover a piece, they would be 400 million numbers.
        const int count = 20_000;
        RangeTombstone[] nested =
            [.. Enumerable.Range(0, count).Select(i => new RangeTombstone(Key(i), Key((3 * count) - i), (ulong)i + 1))];
        RangeTombstoneSet set = RangeTombstoneSet.Build(nested, [count / 2]);
        Assert.InRange(set.Count, count, 2 * count);
        Assert.InRange(Enumerable.Range(0, set.Count).Sum(i => set[i].Sequences.Length), count, 4 * count);
        Assert.Equal((ulong)count, set.Covering(Key(count + 5), ulong.MaxValue >> 8));
        Assert.Equal(count / 2UL, set.Covering(Key(count + 5), count / 2));

        // The newest covers all others: one piece.
        RangeTombstone[] growing = [.. nested.Select(t => t with { Sequence = count + 1 - t.Sequence })];
        Assert.Equal(1, RangeTombstoneSet.Build(growing, []).Count);
    }

    private static RangeTombstone[] Random(Prng random, int count) =>
    [
        .. Enumerable.Range(0, count).Select(i =>
        {
            int start = random.NextInt(KeyCount - 1);
            return new RangeTombstone(Key(start), Key(random.NextInt(start + 1, KeyCount)), (ulong)i + 1);
        }),
    ];

    private static ulong Newest(ReadOnlySpan<RangeTombstone> all, int key, ulong maxSequence)
    {
        ulong newest = 0;
        foreach (RangeTombstone t in all)
        {
            bool covers = t.Sequence <= maxSequence
                && t.Start.AsSpan().SequenceCompareTo(Key(key)) <= 0 && t.End.AsSpan().SequenceCompareTo(Key(key)) > 0;
            if (covers && t.Sequence > newest) newest = t.Sequence;
        }

        return newest;
    }

    private static byte[] Key(int i)
    {
        byte[] key = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(key, i);
        return key;
    }
}
