using System.Text;
using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>The state machine alone, on a sorted dictionary: deterministic, judged by stamps, state in the same batch.</summary>
public sealed class MachineTests : IAsyncDisposable
{
    private readonly SortedStorage _storage = new();
    private ShardMachine _machine;
    private ulong _index;

    public MachineTests() => _machine = NewMachine();

    public ValueTask DisposeAsync() => _storage.DisposeAsync();

    [Fact]
    public void Expiry_is_judged_by_the_stamp_of_the_entry_and_no_clock()
    {
        Apply(1000, Put("k", "v", ttlMs: 500));
        Assert.Equal(OutcomeStatus.AlreadyExists, Apply(1499, Put("k", "w", ifNotExists: true)).Status);
        Assert.Equal(OutcomeStatus.Done, Apply(1500, Put("k", "w", ifNotExists: true)).Status);
        Apply(1500, Put("k", "x", ttlMs: 100));
        Assert.Equal(OutcomeStatus.NothingToDelete, Apply(1600, Delete("k")).Status);

        Apply(2000, Put("c", "1", ttlMs: 10));
        KvVersion written = new(1, _index);
        Assert.Equal(OutcomeStatus.Done, Apply(2009, Put("c", "2", ttlMs: 10, ifMatch: written)).Status);
        written = new(1, _index);
        Assert.Equal(OutcomeStatus.VersionMismatch, Apply(2019, Put("c", "3", ifMatch: written)).Status);
    }

    [Fact]
    public void The_state_record_is_in_every_batch_of_its_shard()
    {
        Apply(1000, Put("k", "v"));
        Apply(1001, Put("k", "w", ifNotExists: true)); // Refused: but applied.
        Apply(900, Delete("nothing"));
        Assert.Equal(3, _storage.Batches.Count);
        for (int i = 0; i < 3; i++)
        {
            byte[] record = _storage.Batches[i].Single(w => w.Key.AsSpan().SequenceEqual(_machine.State.RecordKey)).Value!;
            ShardState state = ShardState.TryDecode(record, 7, 600_000)!;
            Assert.Equal(new LogIndex((ulong)i + 1), state.Applied);
            Assert.Equal(new Term(1), state.AppliedTerm);
            Assert.Equal(i == 0 ? 1000 : 1001, state.ShardTime); // A lower stamp moves nothing.
            Assert.Equal(new ReplicaId(5), state.Replica);
        }
    }

    [Fact]
    public void A_crash_between_any_two_batches_replays_to_the_same_state()
    {
        var random = new Prng(11);
        List<byte[]> log = RandomLog(random, 300);
        foreach (byte[] envelope in log) ApplyEnvelope(envelope);
        string whole = _storage.Dump();
        for (int cut = 0; cut <= log.Count; cut += 23)
        {
            _storage.Clear();
            (_machine, _index) = (NewMachine(), 0);
            for (int i = 0; i < cut; i++) ApplyEnvelope(log[i]);

            // What is left is the engine: the machine starts again from its state record.
            ShardState state = _storage.TryGet(_machine.State.RecordKey, out StoredEntry record)
                ? ShardState.TryDecode(record.Value.Span, 7, 600_000)!
                : NewMachine().State;
            _machine = new ShardMachine(state, new MachineOptions());
            Assert.Equal((ulong)cut, state.Applied.Value);
            _index = state.Applied.Value;
            for (int i = cut; i < log.Count; i++) ApplyEnvelope(log[i]);
            Assert.Equal(whole, _storage.Dump());
        }
    }

    // The ledger remembers heads and places of sessions so as not to look them up. Replicas remember different ones.
    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    [InlineData(23)]
    public void What_is_remembered_of_sessions_decides_nothing(ulong seed)
    {
        var random = new Prng(seed);
        var options = new MachineOptions { SessionWindow = 7, IdempotencyRetention = TimeSpan.FromSeconds(60) };
        List<byte[]> log = [];
        var calls = new Dictionary<(int, int), (string Id, string Key)>();
        long stamp = 1_000_000;
        for (int i = 0; i < 1500; i++)
        {
            stamp += random.NextInt(random.Chance(0.01) ? 100_000 : 300);
            (int session, int sequence) = (random.NextInt(12), (i / 12) + random.NextInt(12));
            // Most repeats are of the same call, some of another one under its number.
            if (!calls.TryGetValue((session, sequence), out (string Id, string Key) call) || random.Chance(0.1))
            {
                call = ($"s1:c{session}:{sequence}:{stamp - random.NextInt(70_000)}", $"k{random.NextInt(3)}");
                calls[(session, sequence)] = call;
            }

            byte[] envelope = EntryWriter.Encode(EntrySession.Parse(call.Id), [Put(call.Key, $"v{random.NextInt(2)}")]);
            EntryWriter.Stamp(envelope, stamp);
            log.Add(envelope);
        }

        string Play(Func<int, bool> forgets)
        {
            _storage.Clear();
            (_machine, _index) = (new ShardMachine(new ShardState(new ShardId(3), new ReplicaId(5), 7, 60_000), options), 0);
            var outcomes = new StringBuilder();
            for (int i = 0; i < log.Count; i++)
            {
                EntryOutcome outcome = ApplyEnvelope(log[i]);
                outcomes.Append(outcome.Refusal?.Message).Append(outcome.Replay).Append(outcome.Operations.FirstOrDefault().Version);
                if (!forgets(i)) continue;
                Assert.True(_storage.TryGet(_machine.State.RecordKey, out StoredEntry record));
                _machine = new ShardMachine(ShardState.TryDecode(record.Value.Span, 7, 60_000)!, options);
            }

            return outcomes.Append(_storage.Dump()).ToString();
        }

        string remembered = Play(static _ => false);
        Assert.Contains("PayloadDiffers", remembered, StringComparison.Ordinal);
        Assert.Contains("Same", remembered, StringComparison.Ordinal);
        Assert.Contains("below the session's highest", remembered, StringComparison.Ordinal);
        Assert.Equal(remembered, Play(static _ => true));
        Assert.Equal(remembered, Play(i => i % 37 == 0));
    }

    [Fact]
    public void Rounds_of_any_size_come_to_the_same_state()
    {
        List<byte[]> log = RandomLog(new Prng(13), 300);
        foreach (byte[] envelope in log) ApplyEnvelope(envelope);
        string single = _storage.Dump();
        foreach (int size in new[] { 2, 7, 300 })
        {
            _storage.Clear();
            (_machine, _index) = (NewMachine(), 0);
            foreach (byte[][] chunk in log.Chunk(size)) ApplyRound(chunk);
            Assert.Equal(single, _storage.Dump());
        }
    }

    [Fact]
    public void An_unknown_entry_stops_the_shard_and_changes_nothing()
    {
        byte[] envelope = EntryWriter.Encode(EntrySession.None, [Put("k", "v")]);
        foreach ((int offset, byte value) in new[] { (0, (byte)2), (1, (byte)9), (2, (byte)1) })
        {
            byte[] unknown = [.. envelope];
            unknown[offset] = value;
            Assert.Throws<UnknownEntryException>(() => ApplyEnvelope(unknown));
            _index--;
        }

        Assert.Equal(new LogIndex(0), _machine.State.Applied);
        Assert.Equal(OutcomeStatus.Done, Apply(1, Put("k", "v")).Status);
    }

    [Fact]
    public void Everything_of_the_shard_lies_under_its_slot()
    {
        foreach (byte[] envelope in RandomLog(new Prng(5), 50)) ApplyEnvelope(envelope);
        Assert.All(_storage.Batches.SelectMany(b => b), w => Assert.Equal(7u, EngineKey.SlotOf(w.Key)));
        byte[] key = EngineKey.Create(7, EngineKeyKind.User, Bytes("k"));
        Assert.Equal([0, 0, 0, 7, 2, (byte)'k'], key);
    }

    [Fact]
    public void State_records_survive_their_encoding_and_mutated_ones_never_throw()
    {
        foreach (byte[] envelope in RandomLog(new Prng(5), 50)) ApplyEnvelope(envelope);
        byte[] record = [.. new byte[_machine.State.EncodedBytesMax]];
        record = record[.._machine.State.Encode(record)];
        ShardState read = ShardState.TryDecode(record, 7, 600_000)!;
        Assert.Equal(_machine.State.Ledger.Total, read.Ledger.Total);
        Assert.Equal(_machine.State.Configuration, read.Configuration);
        var random = new Prng(1);
        for (int i = 0; i < 5000; i++)
        {
            byte[] bad = [.. record[..random.NextInt(record.Length + 1)]];
            if (bad.Length > 0) bad[random.NextInt(bad.Length)] ^= (byte)random.NextInt(1, 256);
            _ = ShardState.TryDecode(bad, 7, 600_000);
            _ = OutcomeRecord.TryDecode(bad, out _);
            _ = SessionHead.TryDecode(bad);
            _ = StoredValue.TryRead(bad, out _, out _);
        }
    }

    private static EntryOperation Put(
        string key, string value, ulong ttlMs = 0, KvVersion? ifMatch = null, bool ifNotExists = false) =>
        new(OperationKind.Put, Bytes(key), Bytes(value), ttlMs, ifMatch, ifNotExists);

    private static EntryOperation Delete(string key) => new(OperationKind.Delete, Bytes(key), default, 0, null, false);

    private static ShardMachine NewMachine() => new(
        new ShardState(new ShardId(3), new ReplicaId(5), 7, 600_000)
        {
            Configuration = [new ConfigurationMember(new ReplicaId(5), new NodeNumber(1))],
        },
        new MachineOptions());

    private static List<byte[]> RandomLog(Prng random, int count)
    {
        var log = new List<byte[]>();
        long stamp = 1_000_000;
        for (int i = 0; i < count; i++)
        {
            stamp += random.NextInt(20_000);
            string? id = random.NextInt(4) switch
            {
                0 => $"id{random.NextInt(20)}",
                1 => $"s1:c{random.NextInt(2)}:{random.NextInt(1, 40)}:{stamp}",
                _ => null,
            };
            var operations = new List<EntryOperation>();
            for (int n = random.NextInt(1, 4); n > 0; n--)
            {
                string key = $"k{operations.Count}{random.NextInt(6)}";
                operations.Add(random.Chance(0.3) ? Delete(key) : Put(
                    key, $"v{i}", random.Chance(0.3) ? (ulong)random.NextInt(1, 100_000) : 0, ifNotExists: random.Chance(0.2)));
            }

            byte[] envelope = EntryWriter.Encode(EntrySession.Parse(id), operations.ToArray());
            EntryWriter.Stamp(envelope, stamp);
            log.Add(envelope);
        }

        return log;
    }

    private OperationOutcome Apply(long stamp, EntryOperation operation)
    {
        byte[] envelope = EntryWriter.Encode(EntrySession.None, [operation]);
        EntryWriter.Stamp(envelope, stamp);
        return ApplyEnvelope(envelope).Operations[0];
    }

    private EntryOutcome ApplyEnvelope(byte[] envelope) => ApplyRound([envelope])[0];

    private List<EntryOutcome> ApplyRound(byte[][] envelopes)
    {
        var round = new ApplyRound(_storage);
        List<EntryOutcome> outcomes = [.. envelopes.Select(e => _machine.Apply(
            new CommittedEntry(_machine.State.Shard, new LogIndex(++_index), new Term(1), e, 1, null), round))];
        round.Seal();
        round.Write();
        return outcomes;
    }
}
