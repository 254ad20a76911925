using System.Text;
using Nori.Core;
using Nori.IO;
using NoriKV.Node.Entries;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Snapshots;
using NoriKV.Node.Storage;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>
/// The part of a node that snapshots touch, of production parts: engine, log, replicas of a few shards, exchange. It opens
/// as a node does, applies what it is told, and installs what arrives in the order the rules ask for.
/// </summary>
internal sealed class SnapshotPeer : ISnapshotHost, IAsyncDisposable
{
    public const string Data = "/data";
    public const long RetentionMs = 600_000;

    private readonly ReplicaId[] _ids;
    private readonly FlushGate _gate = new();
    private readonly SharedLog _shared;

    public SnapshotPeer(IFileSystem files, ulong node, ManualTime time, int shards = 1, SnapshotOptions? options = null)
    {
        Files = files;
        Node = new NodeNumber(node);
        Time = time;
        _ids = [.. Enumerable.Range(0, shards).Select(s => new ReplicaId((node * 100) + (ulong)s))];
        Staging = new SnapshotStaging(files, Data);
        files.CreateDirectory(Data);
        Staging.Clean();
        _shared = SharedLog.Open(
            new SharedLogOptions { Directory = $"{Data}/log", FileSystem = files, SegmentBytes = 64 << 10, Seed = node },
            out _);
        Log = new PeerLog(_shared);
        _gate.NoteDurable(ulong.MaxValue);
        var setup = new StorageSetup
        {
            Directory = $"{Data}/engine",
            FileSystem = files,
            Owner = _gate,
            MemtableBytes = 16 << 10,
            BlockCacheBytes = 1 << 20,
            Time = time,
            Seed = node,
        };
        Storage = LsmStorage.OpenAsync(setup, null, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        Replicas = new ReplicaTable([.. LoadStates().Select(s => new ShardMachine(s, new MachineOptions()))]);
        _gate.Attach(Replicas);
        Options = (options ?? new SnapshotOptions()) with { ClusterHash = options?.ClusterHash ?? 7, Seed = node, Time = time };
        Exchange = new SnapshotExchange(Options, Storage, Replicas, this, (to, frame) => Send(to, frame), Staging);
        Replay();
    }

    public IFileSystem Files { get; }

    public NodeNumber Node { get; }

    public ManualTime Time { get; }

    public SnapshotOptions Options { get; }

    public PeerLog Log { get; }

    public LsmStorage Storage { get; }

    public ReplicaTable Replicas { get; }

    public SnapshotStaging Staging { get; }

    public SnapshotExchange Exchange { get; }

    public Func<NodeNumber, ReadOnlyMemory<byte>, bool> Send { get; set; } = (_, _) => false;

    public List<StagedTables> Staged { get; } = [];

    public List<(ReplicaId To, LogIndex Index, bool IsDelivered)> SentResults { get; } = [];

    public Func<Raft.SnapshotMeta, bool>? NeedsWhen { get; set; }

    /// <summary>Called when a step of an install is done and could be answered from.</summary>
    public Action? Answered { get; set; }

    public ShardState State(uint shard = 0) => Replicas[new ShardId(shard)]!.State;

    public ReplicaId ReplicaOf(ShardId shard) => shard.Value < (uint)_ids.Length ? _ids[shard.Value] : default;

    public bool Needs(ShardId shard, Raft.SnapshotMeta meta) =>
        NeedsWhen?.Invoke(meta) ?? meta.Index.Value > Replicas.Applied(shard).Value;

    public void Arrived(ShardId shard, ReplicaId from, Term term, StagedSnapshot staged) => Staged.Add((StagedTables)staged);

    public void Sent(ShardId shard, ReplicaId to, LogIndex index, bool isDelivered) =>
        SentResults.Add((to, index, isDelivered));

    /// <summary>Appends to the own log, syncs, applies.</summary>
    public EntryOutcome Apply(byte[] envelope, uint shard = 0, ulong term = 1)
    {
        var id = new ShardId(shard);
        LogIndex index = State(shard).Applied.Next;
        Log.Append(id, ReplicaOf(id), index, new Term(term), envelope);
        Log.HardState(id, ReplicaOf(id), new Term(term), default, index);
        ulong watermark = Log.Write();
        Log.Sync();
        return ApplyOnly(new CommittedEntry(id, index, new Term(term), envelope, watermark, null));
    }

    /// <summary>Appends what no majority has; synced here.</summary>
    public void AppendOnly(byte[] envelope, ulong index, ulong term)
    {
        Log.Append(new ShardId(0), ReplicaOf(new ShardId(0)), new LogIndex(index), new Term(term), envelope);
        Log.Write();
        Log.Sync();
    }

    /// <summary>The steps of an install, in their order.</summary>
    public void Install(StagedTables staged)
    {
        ShardState state = staged.Install();
        uint dead = Replicas.Replace(new ShardMachine(state, new MachineOptions()));
        _gate.NoteInstalled(state);
        Log.InstallSnapshot(state.Shard, state.Replica, state.BaseIndex, state.BaseTerm);
        Log.HardState(state.Shard, state.Replica, state.BaseTerm, default, state.BaseIndex);
        Log.Write();
        Log.Sync();
        Answered?.Invoke();
        DeadSlot.Remove(Storage, dead);
    }

    public void Flush()
    {
        Storage.FlushAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        while (Storage.RunOnce())
        {
        }
    }

    /// <summary>Everything of the shard that has not expired, but what names the replica.</summary>
    public string Dump(uint shard = 0)
    {
        var text = new StringBuilder();
        ShardState state = State(shard);
        using IStorageView view = Storage.OpenView();
        using IStorageIterator iterator = view.NewIterator(reverse: false);
        iterator.Seek(EngineKey.Create(state.Slot, EngineKeyKind.State));
        while (iterator.MoveNext() && EngineKey.SlotOf(iterator.Key) == state.Slot)
        {
            // Compaction drops what has expired when it comes along.
            if (StoredValue.IsExpired(iterator.ExpiryUnixMs, state.ShardTime)) continue;
            bool isState = iterator.Key[sizeof(uint)] == (byte)EngineKeyKind.State;
            ReadOnlySpan<byte> value = isState
                ? Neutral(ShardState.TryDecode(iterator.Value, state.Slot, RetentionMs)!)
                : iterator.Value;
            text.AppendLine(
                $"{Convert.ToHexString(iterator.Key[4..])}={Convert.ToHexString(value)}@{iterator.ExpiryUnixMs}");
        }

        return text.ToString();
    }

    /// <summary>Slots under which anything lies, but slot 0.</summary>
    public List<uint> Slots()
    {
        var slots = new List<uint>();
        using IStorageView view = Storage.OpenView();
        using IStorageIterator iterator = view.NewIterator(reverse: false);
        for (uint next = 1; ; next = slots[^1] + 1)
        {
            iterator.Seek(EngineKey.Create(next, EngineKeyKind.State));
            if (!iterator.MoveNext()) return slots;
            slots.Add(EngineKey.SlotOf(iterator.Key));
        }
    }

    public IEnumerable<string> StagingFiles()
    {
        string root = $"{Data}/incoming";
        if (!Files.DirectoryExists(root)) yield break;
        foreach (string slot in Files.List(root)) yield return slot;
    }

    public async ValueTask DisposeAsync()
    {
        Exchange.Dispose();
        await Storage.DisposeAsync();
        Log.Dispose();
    }

    private static byte[] Neutral(ShardState state)
    {
        byte[] bytes = new byte[state.EncodedBytesMax];
        bytes = bytes[..state.Encode(bytes)];
        bytes.AsSpan(5, 8).Clear();
        bytes.AsSpan(29, 16).Clear();
        return bytes;
    }

    private EntryOutcome ApplyOnly(in CommittedEntry entry)
    {
        var round = new ApplyRound(Storage);
        EntryOutcome outcome = Replicas[entry.Shard]!.Apply(entry, round);
        round.Seal();
        round.Write();
        foreach (ShardState state in round.Touched) Replicas.Publish(state);
        return outcome;
    }

    /// <summary>As a node does at open: the live slots, the last step of an install, the dead slots.</summary>
    private List<ShardState> LoadStates()
    {
        var found = new ShardState?[_ids.Length];
        var dead = new List<uint>();
        foreach (uint slot in Slots())
        {
            Assert.True(Storage.TryGet(EngineKey.Create(slot, EngineKeyKind.State), out StoredEntry record), $"slot {slot} is a mixture");
            ShardState? state = ShardState.TryDecode(record.Value.Span, slot, RetentionMs);
            Assert.NotNull(state);
            ref ShardState? place = ref found[state.Shard.Value];
            if (place is null || state.Applied.CompareTo(place.Applied) > 0) (place, state) = (state, place);
            if (state is not null) dead.Add(state.Slot);
        }

        bool any = false;
        for (uint shard = 0; shard < (uint)found.Length; shard++)
        {
            found[shard] ??= new ShardState(new ShardId(shard), _ids[shard], shard + 1, RetentionMs)
            {
                Configuration = [new ConfigurationMember(_ids[shard], Node)],
            };
            any |= Log.Complete(found[shard]!);
        }

        if (any)
        {
            Log.Write();
            Log.Sync();
        }

        ReserveFirst((uint)_ids.Length + 1);
        foreach (uint slot in dead) DeadSlot.Remove(Storage, slot);
        return [.. found.Select(s => s!)];
    }

    private void ReserveFirst(uint next)
    {
        if (Storage.TryGet(NodeSlots.Key, out _)) return;
        IStorageBatch batch = Storage.NewBatch();
        byte[] record = [1, 0, 0, 0, 0];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(1), next);
        batch.Put(NodeSlots.Key, record);
        Storage.Write(batch);
    }

    private void Replay()
    {
        for (uint shard = 0; shard < (uint)_ids.Length; shard++)
        {
            ShardState state = State(shard);
            PeerLogGroup group = Log.Group(state.Shard);
            Assert.True(
                state.Applied.CompareTo(group.Last) <= 0,
                $"the engine is at {state.Applied}, based on {state.BaseIndex}, the log ends at {group.Last}");
            while (state.Applied.CompareTo(group.Commit) < 0)
            {
                Assert.True(Log.TryRead(state.Shard, state.Applied.Next, out CommittedEntry entry), $"{state.Applied.Next} is gone");
                ApplyOnly(entry);
            }
        }
    }
}
