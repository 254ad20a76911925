using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Directory;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Snapshots;
using NoriKV.Node.Storage;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>
/// Opens a node: directory, log, engine, replicas; checks that log and engine agree; applies again what the engine had
/// not flushed. What it opened is closed again when a later step fails.
/// </summary>
internal sealed class NodeStarter(NodeOptions options)
{
    private static readonly byte[] NextSlotKey = EngineKey.Create(0, EngineKeyKind.State, "next-slot"u8);

    public FlushGate Gate { get; } = new();

    /// <summary>Opens everything; the caller owns what it returns.</summary>
    public async ValueTask<NodeParts> OpenAsync(CancellationToken cancellationToken)
    {
        ulong seed = options.Seed != 0 ? options.Seed : BitConverter.ToUInt64(
            System.Security.Cryptography.RandomNumberGenerator.GetBytes(sizeof(ulong)));
        var random = new Prng(seed);
        NodeDirectory directory = NodeDirectory.Open(options, random);
        SharedLog? log = null;
        IStorage? storage = null;
        try
        {
            log = OpenLog(directory, random.NextUInt64());
            Gate.NoteDurable(log.DurableWatermark);
            storage = await OpenEngineAsync(directory, random.NextUInt64(), cancellationToken).ConfigureAwait(false);
            ShardState?[] states = LoadStates(storage, log, directory);
            // Before anything is written: what damage took from a replica is noted, durably.
            log.Contain([.. states.OfType<ShardState>().Select(static s =>
                new ExpectedReplica(s.Shard, s.Replica, s.Applied, s.AppliedTerm))]);
            CompleteInstalls(states, log);
            Gate.NoteDurable(log.DurableWatermark);
            var replicas = new ReplicaTable([.. states.Select(s => s is null ? null : new ShardMachine(s, options.Machine))]);
            Gate.Attach(replicas);
            foreach (ShardState? state in states)
            {
                if (state is not null) CheckAgainstLog(state, log, directory);
            }

            var replay = new GroupReplay(log, replicas, storage, options.Plan, directory.LogPath);
            IReadOnlyList<GroupStart> groups = replay.Run(cancellationToken);
            return new NodeParts(
                directory, log, new LogTickets(log.DurableWatermark), storage, replicas, groups, Gate, random.NextUInt64());
        }
        catch
        {
            if (storage is not null) await storage.DisposeAsync().ConfigureAwait(false);
            log?.Dispose();
            directory.Dispose();
            throw;
        }
    }

    private SharedLog OpenLog(NodeDirectory directory, ulong seed) => SharedLog.Open(
        new SharedLogOptions
        {
            Directory = directory.LogPath,
            FileSystem = options.FileSystem,
            Sync = options.Sync,
            // With peers a damaged replica heals from them; alone nobody could tell what was lost.
            OnCorruption = options.Plan is { Nodes.Count: > 1 } ? CorruptionAction.Report : CorruptionAction.Throw,
            SegmentBytes = options.LogSegmentBytes,
            LiveBytesMax = options.LogLiveBytesMax,
            LiveEntriesMax = options.LogLiveEntriesMax,
            Seed = seed,
            Meter = options.Meter,
            Events = options.Events,
            Time = options.Time,
        },
        out _);

    private async ValueTask<IStorage> OpenEngineAsync(
        NodeDirectory directory, ulong seed, CancellationToken cancellationToken)
    {
        var setup = new StorageSetup
        {
            Directory = directory.EnginePath,
            FileSystem = options.FileSystem,
            Owner = Gate,
            RunBackground = options.RunLoops,
            MemtableBytes = options.MemtableBytes,
            BlockCacheBytes = options.BlockCacheBytes,
            Meter = options.Meter,
            Events = options.Events,
            Time = options.Time,
            Seed = seed,
        };
        return options.OpenStorage is { } open
            ? await open(setup, cancellationToken).ConfigureAwait(false)
            : await LsmStorage.OpenAsync(setup, options.ConfigureEngine, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Finds the replicas by their state records: of two slots of one shard the one with the higher (replica, applied)
    /// lives and the other is removed. Shards without one are new here and get a slot that was never used.
    /// </summary>
    private ShardState?[] LoadStates(IStorage storage, SharedLog log, NodeDirectory directory)
    {
        long retentionMs = (long)options.Machine.IdempotencyRetention.TotalMilliseconds;
        var found = new ShardState?[directory.Identity.TotalShards];
        uint nextSlot = LoadNextSlot(storage);
        var dead = new List<uint>();
        using IStorageView view = storage.OpenView();
        using IStorageIterator iterator = view.NewIterator(reverse: false);
        for (uint slot = 1; ;)
        {
            iterator.Seek(EngineKey.Create(slot, EngineKeyKind.State));
            if (!iterator.MoveNext()) break;
            slot = EngineKey.SlotOf(iterator.Key);
            bool isRecord = iterator.Key.Length == EngineKey.PrefixBytes && iterator.Key[^1] == (byte)EngineKeyKind.State;
            ShardState? state = isRecord
                ? ShardState.TryDecode(iterator.Value, slot, retentionMs)
                : null;
            if (state is null || state.Shard.Value >= (uint)found.Length)
            {
                throw new CorruptionException(
                    directory.EnginePath, 0, $"the state record of slot {slot}", "none that can be read");
            }

            ref ShardState? place = ref found[state.Shard.Value];
            if (place is null || Compare(state, place) > 0) (place, state) = (state, place);
            if (state is not null) dead.Add(state.Slot);
            nextSlot = Math.Max(nextSlot, slot + 1);
            if (slot == uint.MaxValue) break;
            slot++;
        }

        return Complete(found, nextSlot, dead, storage, log, directory, retentionMs);
    }

    private ShardState?[] Complete(
        ShardState?[] found, uint nextSlot, List<uint> dead, IStorage storage, SharedLog log, NodeDirectory directory,
        long retentionMs)
    {
        uint firstNew = nextSlot;
        ShardState?[] states = found;
        for (uint shard = 0; shard < (uint)found.Length; shard++)
        {
            if (found[shard] is not null || FirstMembers(new ShardId(shard), log, directory) is not { } first) continue;
            states[shard] = new ShardState(new ShardId(shard), first.Replica, nextSlot++, retentionMs)
            {
                Configuration = first.Members,
            };
        }

        if (nextSlot == firstNew && dead.Count == 0) return states;
        // Before anything lies under a new slot: a slot is never used twice.
        IStorageBatch batch = storage.NewBatch();
        Span<byte> next = stackalloc byte[5];
        next[0] = 1;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(next[1..], nextSlot);
        batch.Put(NextSlotKey, next);
        foreach (uint slot in dead) batch.DeleteRange(EngineKey.Create(slot, 0), EngineKey.Create(slot + 1, 0));
        storage.Write(batch);
        return states;
    }

    /// <summary>The replica with which a shard that is new begins here, and the members it begins with; null: not here.</summary>
    private (ReplicaId Replica, ConfigurationMember[] Members)? FirstMembers(
        ShardId shard, SharedLog log, NodeDirectory directory)
    {
        if (options.Plan is null)
        {
            ReplicaId replica = log.GroupState(shard)?.Replica ?? new ReplicaId(shard.Value + 1UL);
            return (replica, [new ConfigurationMember(replica, directory.Identity.Node)]);
        }

        IReadOnlyList<PlannedReplica> planned = options.Plan.Replicas(shard);
        ReplicaId own = planned.FirstOrDefault(r => r.Node == options.Plan.Self).Id;
        if (own.Value == 0) return null;
        return (own, [.. planned.OrderBy(static r => r.Id).Select(static r => new ConfigurationMember(
            r.Id, r.Node, r.IsLearner ? MemberRole.Learner : MemberRole.Voter))]);
    }

    /// <summary>A crash may have come between the two steps of a snapshot's install: the second is repeated.</summary>
    private static void CompleteInstalls(IEnumerable<ShardState?> states, SharedLog log)
    {
        using var batch = new SharedLogBatch();
        bool any = false;
        foreach (ShardState? state in states) any |= state is not null && SnapshotBase.Complete(state, log, batch);
        if (!any) return;
        log.Write(batch);
        log.Sync();
    }

    private static uint LoadNextSlot(IStorage storage)
    {
        if (!storage.TryGet(NextSlotKey, out StoredEntry entry)) return 1;
        var reader = new SpanReader(entry.Value.Span);
        if (reader.TryReadByte(out byte format) && format == 1 && reader.TryReadUInt32(out uint next)) return next;
        throw new InvalidDataException("the node's slot record has an unknown format");
    }

    /// <summary>The engine may be behind the log, never ahead of it: then the log has lost what was durable.</summary>
    private static void CheckAgainstLog(ShardState state, SharedLog log, NodeDirectory directory)
    {
        GroupState? held = log.GroupState(state.Shard);
        // What became of it is known, and it does not start.
        if (held is { Damage: LogDamage.HardState }) return;
        ReplicaId replica = held?.Replica ?? state.Replica;
        LogIndex last = held?.LastIndex ?? default;
        LogIndex first = held?.FirstIndex ?? new LogIndex(1);
        if (replica != state.Replica)
        {
            throw new CorruptionException(
                directory.LogPath, 0,
                $"replica {state.Replica} of shard {state.Shard}, as in the engine", $"replica {replica}");
        }

        if (state.Applied.CompareTo(last) > 0 && state.Applied != state.BaseIndex)
        {
            throw new CorruptionException(
                directory.LogPath, 0,
                $"shard {state.Shard} to reach index {state.Applied}, which the engine has applied",
                $"its last index {last}");
        }

        if (last.Value > state.Applied.Value && first.Value > state.Applied.Value + 1)
        {
            throw new CorruptionException(
                directory.LogPath, 0,
                $"shard {state.Shard} from index {state.Applied.Next}, the first the engine has not applied",
                $"its first index {first}");
        }
    }

    private static int Compare(ShardState a, ShardState b)
    {
        int order = a.Replica.CompareTo(b.Replica);
        return order != 0 ? order : a.Applied.CompareTo(b.Applied);
    }
}
