using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Directory;
using NoriKV.Node.Healing;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Peers;
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
    private readonly List<(ShardId Shard, string What)> _lost = [];
    private readonly List<string> _warnings = [];
    private uint _nextSlot;
    private SharedLogRecovery? _found;

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
            PeerMemory memory = PeerMemory.Load(options.FileSystem, directory.Path);
            if (memory.IsOld) throw new NodeStartException(PeerVouching.OldCopy(directory.Path));
            log = OpenLog(directory, random.NextUInt64());
            Gate.NoteDurable(log.DurableWatermark);
            storage = await OpenOrReplaceEngineAsync(directory, log, random.NextUInt64(), cancellationToken).ConfigureAwait(false);
            ShardState?[] states = await LoadStatesAsync(storage, log, directory, cancellationToken).ConfigureAwait(false);
            // Before anything is written: what damage took from a replica is noted, durably.
            log.Contain([.. states.OfType<ShardState>().Select(static s =>
                new ExpectedReplica(s.Shard, s.Replica, s.Applied, s.AppliedTerm))]);
            CompleteInstalls(states, log);
            Gate.NoteDurable(log.DurableWatermark);
            var replicas = new ReplicaTable([.. states.Select(s => s is null ? null : new ShardMachine(s, options.Machine))]);
            Gate.Attach(replicas);
            foreach ((ShardId shard, string what) in _lost) replicas.SetApart(shard, what);
            foreach (ShardState? state in states)
            {
                if (state is not null) CheckAgainstLog(state, log, directory);
            }

            var replay = new GroupReplay(
                log, replicas, storage, options.Plan, directory.Identity.BootEpoch == 1, directory.LogPath);
            IReadOnlyList<GroupStart> groups = replay.Run(cancellationToken);
            return new NodeParts(
                directory, log, new LogTickets(log.DurableWatermark), storage, replicas, groups, Gate,
                new NodeSlots(storage, _nextSlot), random.NextUInt64())
            {
                Warnings = _warnings,
                Memory = memory,
            };
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
        out _found);

    // Somebody else may have what is lost here.
    private bool HasPeers => options.Plan is { Nodes.Count: > 1 };

    /// <summary>
    /// An engine whose manifest cannot be read knows of no table: with peers it is put aside and begun anew, and all replicas are
    /// rebuilt. Their log is whole, so they go on voting; what their log has alone is applied from there.
    /// </summary>
    private async ValueTask<IStorage> OpenOrReplaceEngineAsync(
        NodeDirectory directory, SharedLog log, ulong seed, CancellationToken cancellationToken)
    {
        try
        {
            return await OpenEngineAsync(directory, seed, cancellationToken).ConfigureAwait(false);
        }
        catch (CorruptionException e) when (HasPeers && options.OpenStorage is null && log.Groups.Count > 0)
        {
            _warnings.Add(
                $"{e.Message}: the engine is begun anew, and its replicas are rebuilt from their peers; what can be read of the "
                + $"old one is in {directory.EnginePath}{LostEngine.Suffix}");
            LostEngine.PutAside(options.FileSystem, directory.EnginePath);
            return await OpenEngineAsync(directory, seed, cancellationToken).ConfigureAwait(false);
        }
    }

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
        EngineStates found = EngineStates.Find(storage, log, directory, RetentionMs);
        _nextSlot = found.NextSlot;
        CheckLogIsThere(found, log, directory);
        NoteLost(found, log, directory);
        var first = new FirstReplicas(options, log, directory, found.HasBegun, found.IsDamaged);
        Complete(found, storage, first);
        if (found.HasBegun) return found.States;
        // In tables before anything of them is promised: no later start asks a plan what they began with.
        ValueTask flush = storage.FlushAsync(cancellationToken);
        while (!options.RunLoops && !flush.IsCompleted && storage.RunOnce())
        {
        }

        await flush.ConfigureAwait(false);
        return found.States;
    }

    /// <summary>
    /// Replicas whose log begins behind everything that the engine has of them: what was applied before is lost. They live on
    /// with what their log says, under a slot that nobody writes to, until a peer has sent the rest.
    /// </summary>
    private void NoteLost(EngineStates found, SharedLog log, NodeDirectory directory)
    {
        foreach (GroupState held in log.Groups)
        {
            if (held.IsClean || held.PrefixIndex.Value == 0 || held.Shard.Value >= (uint)found.States.Length) continue;
            ref ShardState? state = ref found.States[held.Shard.Value];
            bool isThere = state is not null && state.Replica == held.Replica
                && (!found.IsDamaged || state.Applied.CompareTo(held.PrefixIndex) >= 0);
            // The log lacks a later replica: no damage of tables explains that.
            if (state is not null && state.Replica.CompareTo(held.Replica) > 0) continue;
            // An engine that is whole and disagrees with its log is no damage that is understood.
            if (isThere || (state is not null && !found.IsDamaged)) continue;
            if (state is not null) found.Dead.Add(state.Slot);
            state = new ShardState(held.Shard, held.Replica, _nextSlot++, RetentionMs)
            {
                Applied = held.PrefixIndex,
                AppliedTerm = held.PrefixTerm,
            };
            string what = HealingText.Lost(held.Shard, directory.EnginePath);
            _lost.Add((held.Shard, HasPeers ? what : HealingText.AloneStopped(held.Shard, what)));
        }
    }

    private long RetentionMs => (long)options.Machine.IdempotencyRetention.TotalMilliseconds;

    private void Complete(EngineStates found, IStorage storage, FirstReplicas first)
    {
        IStorageBatch batch = storage.NewBatch();
        uint firstNew = _nextSlot;
        byte[] record = [];
        for (uint shard = 0; shard < (uint)found.States.Length; shard++)
        {
            if (found.States[shard] is not null || first.Of(new ShardId(shard)) is not { } own) continue;
            var state = new ShardState(new ShardId(shard), own.Replica, _nextSlot++, RetentionMs) { Configuration = own.Members };
            found.States[shard] = state;
            if (record.Length < state.EncodedBytesMax) record = new byte[state.EncodedBytesMax];
            batch.Put(state.RecordKey, record.AsSpan(0, state.Encode(record)));
        }

        if (found.HasBegun && _nextSlot == firstNew && found.Dead.Count == 0 && _lost.Count == 0) return;
        foreach (uint slot in found.Dead) batch.DeleteRange(EngineKey.Create(slot, 0), EngineKey.Create(slot + 1, 0));
        if (!found.HasBegun) batch.Put(NodeSlots.BegunKey, NodeSlots.Begun);
        // In one batch: a slot is never used twice.
        batch.Put(NodeSlots.Key, NodeSlots.Encode(_nextSlot));
        storage.Write(batch);
    }

    /// <summary>
    /// The log's first segment is durable before the engine is begun. One that was begun, or has applied something, beside a log that
    /// knows of nobody: the log was lost, with votes and entries that were confirmed. A snapshot's base could stand for the entries;
    /// nothing can for the votes.
    /// </summary>
    private void CheckLogIsThere(EngineStates found, SharedLog log, NodeDirectory directory)
    {
        if (log.Groups.Count > 0) return;
        int count = found.States.Count(static s => s is { Applied.Value: > 0 });
        bool isGone = found.HasBegun && _found!.Wal.Segments == 0;
        if (count == 0 && !isGone) return;
        throw new CorruptionException(
            directory.LogPath, 0,
            count > 0 ? $"records of the {count} replicas whose data the engine holds" : "the log of a node that has served before",
            isGone ? "no segment of a log" : "a log without records");
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
}
