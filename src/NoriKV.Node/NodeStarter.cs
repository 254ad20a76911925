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
    // Its value is a format version: the first replicas of the node are in tables.
    private static readonly byte[] BegunKey = EngineKey.Create(0, EngineKeyKind.State, "begun"u8);
    private static readonly byte[] Begun = [1];

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
            ShardState?[] states = await LoadStatesAsync(storage, log, directory, cancellationToken).ConfigureAwait(false);
            CheckLogIsThere(states, log, directory);
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

            var replay = new GroupReplay(
                log, replicas, storage, options.Plan, directory.Identity.BootEpoch == 1, directory.LogPath);
            IReadOnlyList<GroupStart> groups = replay.Run(cancellationToken);
            return new NodeParts(
                directory, log, new LogTickets(log.DurableWatermark), storage, replicas, groups, Gate,
                new NodeSlots(storage), random.NextUInt64());
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
    private async ValueTask<ShardState?[]> LoadStatesAsync(
        IStorage storage, SharedLog log, NodeDirectory directory, CancellationToken cancellationToken)
    {
        var dead = new List<uint>();
        (ShardState?[] found, uint nextSlot) = FindStates(storage, log, directory, dead);
        bool hasBegun = storage.TryGet(BegunKey, out _);
        var first = new FirstReplicas(options, log, directory, hasBegun);
        Complete(found, nextSlot, dead, storage, first, hasBegun);
        if (hasBegun) return found;
        // In tables before anything of them is promised: no later start asks a plan what they began with.
        ValueTask flush = storage.FlushAsync(cancellationToken);
        while (!options.RunLoops && !flush.IsCompleted && storage.RunOnce())
        {
        }

        await flush.ConfigureAwait(false);
        return found;
    }

    private (ShardState?[] Found, uint NextSlot) FindStates(
        IStorage storage, SharedLog log, NodeDirectory directory, List<uint> dead)
    {
        long retentionMs = RetentionMs;
        // The meta group is the shard behind the last one.
        var found = new ShardState?[directory.Identity.TotalShards + 1];
        uint nextSlot = NodeSlots.Load(storage);
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
            if (!IsGone(state, log) && (place is null || Compare(state, place) > 0)) (place, state) = (state, place);
            if (state is not null) dead.Add(state.Slot);
            nextSlot = Math.Max(nextSlot, slot + 1);
            if (slot == uint.MaxValue) break;
            slot++;
        }

        return (found, nextSlot);
    }

    private long RetentionMs => (long)options.Machine.IdempotencyRetention.TotalMilliseconds;

    // Its removal is in the log, and a crash came before its slot was emptied.
    private static bool IsGone(ShardState state, SharedLog log) => log.GroupState(state.Shard) is { } held
        && (held.IsClean ? state.Replica.CompareTo(held.Replica) <= 0 : state.Replica.CompareTo(held.Replica) < 0);

    private void Complete(
        ShardState?[] states, uint nextSlot, List<uint> dead, IStorage storage, FirstReplicas first, bool hasBegun)
    {
        IStorageBatch batch = storage.NewBatch();
        uint firstNew = nextSlot;
        byte[] record = [];
        for (uint shard = 0; shard < (uint)states.Length; shard++)
        {
            if (states[shard] is not null || first.Of(new ShardId(shard)) is not { } own) continue;
            var state = new ShardState(new ShardId(shard), own.Replica, nextSlot++, RetentionMs) { Configuration = own.Members };
            states[shard] = state;
            if (record.Length < state.EncodedBytesMax) record = new byte[state.EncodedBytesMax];
            batch.Put(state.RecordKey, record.AsSpan(0, state.Encode(record)));
        }

        if (hasBegun && nextSlot == firstNew && dead.Count == 0) return;
        foreach (uint slot in dead) batch.DeleteRange(EngineKey.Create(slot, 0), EngineKey.Create(slot + 1, 0));
        if (!hasBegun) batch.Put(BegunKey, Begun);
        // In one batch: a slot is never used twice.
        batch.Put(NodeSlots.Key, NodeSlots.Encode(nextSlot));
        storage.Write(batch);
    }

    /// <summary>
    /// An engine that has applied something and a log that knows of nobody: the log was lost, with votes and entries that were
    /// confirmed. A snapshot's base could stand for the entries; nothing can for the votes.
    /// </summary>
    private static void CheckLogIsThere(IReadOnlyList<ShardState?> states, SharedLog log, NodeDirectory directory)
    {
        if (log.Groups.Count > 0) return;
        int count = states.Count(static s => s is { Applied.Value: > 0 });
        if (count == 0) return;
        throw new CorruptionException(
            directory.LogPath, 0, $"records of the {count} replicas whose data the engine holds", "a log without records");
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

    /// <summary>The engine may be behind the log, never ahead of it: then the log has lost what was durable.</summary>
    private static void CheckAgainstLog(ShardState state, SharedLog log, NodeDirectory directory)
    {
        GroupState? held = log.StateOf(state.Shard, state.Replica);
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
