using Nori.Core;
using Nori.IO;
using NoriKV.Node.Entries;
using NoriKV.Node.Snapshots;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>A giver and a taker with a line between them that does to frames what it is told to.</summary>
internal sealed class SnapshotPair : IAsyncDisposable
{
    public SnapshotPair(
        ulong seed = 1, int shards = 1, SnapshotOptions? options = null, SnapshotOptions? takerOptions = null,
        IFileSystem? takerFiles = null)
    {
        Random = new Prng(seed);
        GiverFiles = new MemoryFileSystem(seed);
        TakerFiles = takerFiles ?? new MemoryFileSystem(seed + 1);
        Giver = Wire(new SnapshotPeer(GiverFiles, 1, Time, shards, options));
        Taker = Wire(new SnapshotPeer(TakerFiles, 2, Time, shards, takerOptions ?? options));
    }

    public ManualTime Time { get; } = new();

    public Prng Random { get; }

    public MemoryFileSystem GiverFiles { get; }

    public IFileSystem TakerFiles { get; set; }

    public SnapshotPeer Giver { get; set; }

    public SnapshotPeer Taker { get; set; }

    /// <summary>What becomes of a frame: none, one or several, whose order then counts.</summary>
    public Func<NodeNumber, byte[], IEnumerable<byte[]>> Fate { get; set; } = (_, frame) => [frame];

    /// <summary>Frames on their way, with their target.</summary>
    public List<(SnapshotPeer Target, SnapshotPeer Source, byte[] Frame)> Wires { get; } = [];

    public long Frames { get; private set; }

    public SnapshotPeer Wire(SnapshotPeer peer)
    {
        peer.Send = (to, frame) =>
        {
            Frames++;
            foreach (byte[] each in Fate(to, frame.ToArray())) Wires.Add((to == Giver.Node ? Giver : Taker, peer, each));
            return true;
        };
        return peer;
    }

    public void Begin(uint shard = 0, ulong atLeast = 1, ulong term = 5) => Giver.Exchange.Begin(
        new ShardId(shard), Taker.ReplicaOf(new ShardId(shard)), Taker.Node, new Term(term), new LogIndex(atLeast));

    public void Step()
    {
        (SnapshotPeer Target, SnapshotPeer Source, byte[] Frame)[] arriving = [.. Wires];
        Wires.Clear();
        foreach ((SnapshotPeer target, SnapshotPeer source, byte[] frame) in arriving) target.Exchange.Receive(source.Node, frame);
        while (Giver.Exchange.RunOnce() | Giver.Storage.RunOnce())
        {
        }

        while (Taker.Exchange.RunOnce() | Taker.Storage.RunOnce())
        {
        }
    }

    /// <summary>Until the condition holds, some ms at a time.</summary>
    public void RunUntil(Func<bool> condition, int ms = 20, int steps = 20_000)
    {
        for (int i = 0; i < steps; i++)
        {
            Step();
            if (condition()) return;
            Time.AdvanceMs(ms);
        }

        Assert.Fail($"not reached: {Frames} frames, seed {Random.Seed}");
    }

    /// <summary>Sends one snapshot and returns it as it arrived.</summary>
    public StagedTables Transfer(uint shard = 0)
    {
        int before = Giver.SentResults.Count;
        Begin(shard, Giver.State(shard).Applied.Value);
        RunUntil(() => Giver.SentResults.Count > before);
        Assert.True(Giver.SentResults[^1].IsDelivered);
        StagedTables staged = Taker.Staged[^1];
        Taker.Staged.Clear();
        return staged;
    }

    public async ValueTask DisposeAsync()
    {
        await Giver.DisposeAsync();
        await Taker.DisposeAsync();
    }

    public static byte[] Entry(long stamp, string? id, params EntryOperation[] operations)
    {
        byte[] envelope = EntryWriter.Encode(EntrySession.Parse(id), operations);
        EntryWriter.Stamp(envelope, stamp);
        return envelope;
    }

    public static EntryOperation Put(string key, string value, ulong ttlMs = 0, bool ifNotExists = false) => new(
        OperationKind.Put, SteppedNode.Bytes(key), SteppedNode.Bytes(value), ttlMs, null, ifNotExists);

    public static EntryOperation Delete(string key) => new(
        OperationKind.Delete, SteppedNode.Bytes(key), default, 0, null, false);

    /// <summary>Entries of every kind: values small and large, expiries, deletes, sessions, idempotency keys.</summary>
    public static List<byte[]> RandomLog(Prng random, int count, int keys = 60, long stamp = 1_000_000, int valueBytes = 120)
    {
        var log = new List<byte[]>();
        for (int i = 0; i < count; i++)
        {
            stamp += random.NextInt(3000);
            string? id = random.NextInt(4) switch
            {
                0 => $"id{random.NextInt(40)}",
                1 => $"s1:c{random.NextInt(3)}:{random.NextInt(1, 60)}:{stamp}",
                _ => null,
            };
            var operations = new List<EntryOperation>();
            for (int n = random.NextInt(1, 4); n > 0; n--)
            {
                string key = $"k{operations.Count}{random.NextInt(keys)}";
                int length = random.NextInt(random.Chance(0.02) ? 20 * valueBytes : valueBytes);
                string value = $"v{i}" + new string('x', length);
                ulong ttl = random.Chance(0.3) ? (ulong)random.NextInt(1, 100_000) : 0;
                operations.Add(random.Chance(0.3) ? Delete(key) : Put(key, value, ttl, random.Chance(0.2)));
            }

            log.Add(Entry(stamp, id, [.. operations]));
        }

        return log;
    }
}
