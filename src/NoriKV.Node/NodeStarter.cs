using Nori.Core;
using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Storage;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>
/// Opens a node: directory, log, engine, replicas; checks that log and engine agree; applies again what the engine had
/// not flushed. What it opened is closed again when a later step fails.
/// </summary>
internal sealed class NodeStarter(NodeOptions options)
{
    private const int ReplayRoundEntries = 4096;
    private const int ReplayRoundBytes = 4 << 20;
    private static readonly byte[] NextSlotKey = EngineKey.Create(0, EngineKeyKind.State, "next-slot"u8);

    public FlushGate Gate { get; } = new();

    /// <summary>Opens everything; the caller owns what it returns.</summary>
    public async ValueTask<NodeParts> OpenAsync(CancellationToken cancellationToken)
    {
        ulong seed = options.Seed != 0 ? options.Seed : BitConverter.ToUInt64(
            System.Security.Cryptography.RandomNumberGenerator.GetBytes(sizeof(ulong)));
        var random = new Prng(seed);
        NodeDirectory directory = NodeDirectory.Open(options, random);
        INodeLog? log = null;
        IStorage? storage = null;
        try
        {
            log = OpenLog(directory, random.NextUInt64());
            Gate.NoteDurable(log.DurableWatermark);
            storage = await OpenEngineAsync(directory, random.NextUInt64(), cancellationToken).ConfigureAwait(false);
            IReadOnlyList<ShardState> states = LoadStates(storage, log, directory);
            var replicas = new ReplicaTable([.. states.Select(s => new ShardMachine(s, options.Machine))]);
            Gate.Attach(replicas);
            foreach (ShardState state in states) CheckAgainstLog(state, log, directory);
            Replay(replicas, log, storage, cancellationToken);
            return new NodeParts(directory, log, storage, replicas, MakeGroups(replicas, log), Gate);
        }
        catch
        {
            if (storage is not null) await storage.DisposeAsync().ConfigureAwait(false);
            log?.Dispose();
            directory.Dispose();
            throw;
        }
    }

    private SharedNodeLog OpenLog(NodeDirectory directory, ulong seed) => new(SharedLog.Open(
        new SharedLogOptions
        {
            Directory = directory.LogPath,
            FileSystem = options.FileSystem,
            Sync = options.Sync,
            SegmentBytes = options.LogSegmentBytes,
            Seed = seed,
            Meter = options.Meter,
            Events = options.Events,
            Time = options.Time,
        },
        out _));

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
    private List<ShardState> LoadStates(IStorage storage, INodeLog log, NodeDirectory directory)
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

    private static List<ShardState> Complete(
        ShardState?[] found, uint nextSlot, List<uint> dead, IStorage storage, INodeLog log, NodeDirectory directory,
        long retentionMs)
    {
        uint firstNew = nextSlot;
        var states = new List<ShardState>(found.Length);
        for (uint shard = 0; shard < (uint)found.Length; shard++)
        {
            states.Add(found[shard] ?? NewState(new ShardId(shard), nextSlot++, log, directory, retentionMs));
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

    private static ShardState NewState(
        ShardId shard, uint slot, INodeLog log, NodeDirectory directory, long retentionMs)
    {
        NodeLogGroup group = log.Group(shard);
        ReplicaId replica = group.Replica.Value != 0 ? group.Replica : new ReplicaId(shard.Value + 1UL);
        return new ShardState(shard, replica, slot, retentionMs)
        {
            Configuration = [new ConfigurationMember(replica, directory.Identity.Node)],
        };
    }

    private static uint LoadNextSlot(IStorage storage)
    {
        if (!storage.TryGet(NextSlotKey, out StoredEntry entry)) return 1;
        var reader = new SpanReader(entry.Value.Span);
        if (reader.TryReadByte(out byte format) && format == 1 && reader.TryReadUInt32(out uint next)) return next;
        throw new InvalidDataException("the node's slot record has an unknown format");
    }

    /// <summary>The engine may be behind the log, never ahead of it: then the log has lost what was durable.</summary>
    private static void CheckAgainstLog(ShardState state, INodeLog log, NodeDirectory directory)
    {
        NodeLogGroup group = log.Group(state.Shard);
        if (group.Replica.Value != 0 && group.Replica != state.Replica)
        {
            throw new CorruptionException(
                directory.LogPath, 0,
                $"replica {state.Replica} of shard {state.Shard}, as in the engine", $"replica {group.Replica}");
        }

        if (state.Applied.CompareTo(group.Last) > 0 && state.Applied != state.BaseIndex)
        {
            throw new CorruptionException(
                directory.LogPath, 0,
                $"shard {state.Shard} to reach index {state.Applied}, which the engine has applied",
                $"its last index {group.Last}");
        }

        if (group.Last.Value > state.Applied.Value && group.First.Value > state.Applied.Value + 1)
        {
            throw new CorruptionException(
                directory.LogPath, 0,
                $"shard {state.Shard} from index {state.Applied.Next}, the first the engine has not applied",
                $"its first index {group.First}");
        }
    }

    /// <summary>One voter: everything in the log is committed, so everything behind the applied index is applied again.</summary>
    private static void Replay(ReplicaTable replicas, INodeLog log, IStorage storage, CancellationToken cancellationToken)
    {
        var round = new ApplyRound(storage);
        int entries = 0;
        for (uint shard = 0; shard < (uint)replicas.Count; shard++)
        {
            var id = new ShardId(shard);
            ShardState state = replicas[id].State;
            ulong last = log.Group(id).Last.Value;
            while (state.Applied.Value < last && replicas.Stopped(id) is null)
            {
                if (entries >= ReplayRoundEntries || round.Bytes >= ReplayRoundBytes) Finish();
                cancellationToken.ThrowIfCancellationRequested();
                LogIndex index = state.Applied.Next;
                if (!log.TryRead(id, index, out CommittedEntry entry))
                {
                    throw new CorruptionException("log", 0, $"entry {index} of shard {id}", "nothing");
                }

                try
                {
                    replicas[id].Apply(entry, round);
                    entries++;
                }
                catch (UnknownEntryException e)
                {
                    replicas.Stop(id, e.Message);
                }
            }
        }

        Finish();

        void Finish()
        {
            if (entries == 0) return;
            round.Seal();
            round.Write();
            foreach (ShardState state in round.Touched) replicas.Publish(state);
            round.Clear();
            entries = 0;
        }
    }

    private static List<VoterGroup> MakeGroups(ReplicaTable replicas, INodeLog log)
    {
        var groups = new List<VoterGroup>(replicas.Count);
        for (uint shard = 0; shard < (uint)replicas.Count; shard++)
        {
            ShardState state = replicas[new ShardId(shard)].State;
            NodeLogGroup group = log.Group(state.Shard);
            ulong term = Math.Max(group.HardTerm.Value, Math.Max(group.LastTerm.Value, state.AppliedTerm.Value));
            LogIndex last = group.Last.CompareTo(state.Applied) >= 0 ? group.Last : state.Applied;
            groups.Add(new VoterGroup(state.Shard, state.Replica, new Term(term), last) { LastStamp = state.ShardTime });
        }

        return groups;
    }

    private static int Compare(ShardState a, ShardState b)
    {
        int order = a.Replica.CompareTo(b.Replica);
        return order != 0 ? order : a.Applied.CompareTo(b.Applied);
    }
}
