using Nori.Core;
using Nori.IO;
using NoriKV.Node.Entries;
using NoriKV.Node.Machine;
using NoriKV.Node.Snapshots;
using NoriKV.Types;
using static NoriKV.Node.Tests.Snapshots.SnapshotPair;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>
/// A shard that came by snapshot holds what the giver's holds, answers every later entry alike (repeats of sessions and
/// idempotency keys included), and can itself be given on.
/// </summary>
public sealed class SnapshotTransferTests
{
    [Fact]
    public async Task A_replica_that_came_by_snapshot_holds_the_same_and_answers_alike()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var random = new Prng(seed);
            var options = new SnapshotOptions
            {
                ChunkBytes = random.NextInt(64, 5000),
                WindowBytes = 16 << 10,
                TableBytes = random.NextInt(1024, 40_000),
            };
            await using var pair = new SnapshotPair(seed, options: options);
            List<byte[]> log = RandomLog(random, random.NextInt(1, 300));
            foreach (byte[] envelope in log)
            {
                pair.Giver.Apply(envelope);
                if (random.Chance(0.02)) pair.Giver.Flush();
            }

            for (int life = 0; life < 2; life++)
            {
                pair.Taker.Install(pair.Transfer());
                Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
                Assert.Equal(pair.Giver.State().ShardTime, pair.Taker.State().ShardTime);
                Assert.Equal(pair.Giver.State().Ledger.Total, pair.Taker.State().Ledger.Total);
                Assert.Equal(pair.Taker.State().Applied, pair.Taker.State().BaseIndex);
                Assert.Equal([pair.Taker.State().Slot], pair.Taker.Slots());

                // What follows, among it repeats of what came before the snapshot.
                List<byte[]> more = RandomLog(random, 60, stamp: pair.Giver.State().ShardTime);
                more.AddRange(Enumerable.Range(0, 30).Select(_ => log[random.NextInt(log.Count)].ToArray()));
                foreach (byte[] envelope in more)
                {
                    // A leader's stamps never fall.
                    EntryWriter.Stamp(envelope, pair.Giver.State().ShardTime + random.NextInt(500));
                    AssertAlike(seed, pair.Giver.Apply(envelope), pair.Taker.Apply(envelope));
                }

                Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
                foreach (byte[] envelope in RandomLog(random, 40, stamp: pair.Giver.State().ShardTime)) pair.Giver.Apply(envelope);
            }
        }
    }

    [Fact]
    public async Task A_shard_that_holds_nothing_but_its_state_and_one_with_sessions_only_travel_too()
    {
        await using var pair = new SnapshotPair(shards: 2);
        pair.Giver.Apply(EntryWriter.Encode(EntryKind.NoOp));
        pair.Taker.Install(pair.Transfer());
        Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
        Assert.Equal(new LogIndex(1), pair.Taker.State().Applied);

        pair.Giver.Apply(Entry(1000, "only", Put("k", "v")), shard: 1);
        pair.Giver.Apply(Entry(1001, "s1:c:1:1000", Delete("k")), shard: 1);
        pair.Taker.Install(pair.Transfer(1));
        Assert.Equal(pair.Giver.Dump(1), pair.Taker.Dump(1));
        Assert.Equal(ReplayKind.Same, pair.Taker.Apply(Entry(1002, "only", Put("k", "v")), shard: 1).Replay);
    }

    [Fact]
    public async Task What_was_received_is_given_on_although_older_slots_were_emptied_by_range_deletes()
    {
        var random = new Prng(3);
        await using var pair = new SnapshotPair();
        foreach (byte[] envelope in RandomLog(random, 100)) pair.Giver.Apply(envelope);
        foreach (byte[] envelope in RandomLog(random, 20, keys: 200)) pair.Taker.Apply(envelope);
        pair.Taker.Install(pair.Transfer());
        string held = pair.Taker.Dump();

        // The other way round, twice: each time an older slot is emptied.
        for (int i = 0; i < 2; i++)
        {
            foreach (byte[] envelope in RandomLog(random, 30, stamp: pair.Taker.State().ShardTime)) pair.Taker.Apply(envelope);
            (pair.Giver, pair.Taker) = (pair.Taker, pair.Giver);
            pair.Taker.Install(pair.Transfer());
            Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
            Assert.Equal([pair.Taker.State().Slot], pair.Taker.Slots());
        }

        Assert.NotEqual(held, pair.Taker.Dump());
    }

    [Fact]
    public async Task A_value_as_large_as_they_get_travels_in_many_chunks()
    {
        await using var pair = new SnapshotPair(options: new SnapshotOptions { ChunkBytes = 64 << 10, WindowBytes = 128 << 10 });
        pair.Giver.Apply(Entry(1000, null, Put("big", new string('x', 3 << 20)), Put("small", "y", ttlMs: 50)));
        pair.Taker.Install(pair.Transfer());
        Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
    }

    private static void AssertAlike(ulong seed, EntryOutcome a, EntryOutcome b)
    {
        Assert.True(
            a.Replay == b.Replay && a.Refusal?.Message == b.Refusal?.Message
            && a.Operations.Select(o => (o.Status, o.Version)).SequenceEqual(b.Operations.Select(o => (o.Status, o.Version))),
            $"seed {seed}: the replicas answered an entry differently");
    }
}
