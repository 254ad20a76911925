using Nori.Lsm;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// Joins the engine's flushes to the log. A table may be installed only when the log is durable through what it holds:
/// otherwise a crash could leave data of entries that the log never had. And what was flushed says how far the log may be
/// forgotten and which expired keys may be dropped: shard time already flushed, never a clock.
/// </summary>
/// <remarks>Thread-safe: called by the engine's threads. The lock guards the sealed and flushed figures.</remarks>
internal sealed class FlushGate : ILsmOwner
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, Figures> _sealed = [];
    private ReplicaTable? _replicas;
    private Figures _flushed = new(0);
    private ulong _durable;
    private int _waiting;

    /// <summary>Asked for when a table waits for a log that nobody syncs.</summary>
    public Action? SyncWanted { get; set; }

    /// <summary>Called when the engine set a damaged table apart.</summary>
    public Action? TableDamaged { get; set; }

    /// <summary>True while a flushed table waits for the log.</summary>
    public bool IsWaiting => Volatile.Read(ref _waiting) != 0;

    /// <summary>Takes the replicas as they were found in tables at open.</summary>
    public void Attach(ReplicaTable replicas)
    {
        lock (_lock)
        {
            _flushed = Figures.Of(replicas);
            Volatile.Write(ref _replicas, replicas);
        }
    }

    /// <summary>The log is durable through this ticket (<see cref="LogTickets"/>); true when a table waits for such news.</summary>
    public bool NoteDurable(ulong ticket)
    {
        Volatile.Write(ref _durable, ticket);
        return Interlocked.Exchange(ref _waiting, 0) != 0;
    }

    /// <summary>The applied index of a shard that tables hold: the log may forget everything through it.</summary>
    public LogIndex FlushedIndex(ShardId shard) => Flushed(shard).Index;

    /// <summary>What tables hold of one shard.</summary>
    public (LogIndex Index, Term Term) Flushed(ShardId shard)
    {
        lock (_lock) return (new LogIndex(_flushed.Applied[shard.Value]), new Term(_flushed.AppliedTerm[shard.Value]));
    }

    /// <summary>
    /// A snapshot was installed: tables hold the shard so far. Memtables sealed before know less; they must not take that
    /// back.
    /// </summary>
    public void NoteInstalled(ShardState state)
    {
        lock (_lock)
        {
            _flushed.Raise(state);
            foreach (Figures sealedFigures in _sealed.Values) sealedFigures.Raise(state);
        }
    }

    /// <summary>
    /// Takes a replica out of the table and forgets what tables hold of its shard, as one step: the figures of one replica
    /// must never count for the next one that lives here, whose entries would be forgotten by them. Returns its slot.
    /// </summary>
    public uint Remove(ReplicaTable replicas, ShardId shard)
    {
        lock (_lock)
        {
            uint slot = replicas.Remove(shard);
            _flushed.Reset(shard);
            foreach (Figures sealedFigures in _sealed.Values) sealedFigures.Reset(shard);
            return slot;
        }
    }

    public void OnMemtableSealed(ulong memtable)
    {
        // No write runs now, and a worker publishes only after its write: so this never exceeds what the memtable holds.
        if (Volatile.Read(ref _replicas) is not { } replicas) return;
        lock (_lock) _sealed[memtable] = Figures.Of(replicas);
    }

    public bool MayInstall(ulong memtable, ulong maxWatermark)
    {
        if (maxWatermark <= Volatile.Read(ref _durable)) return true;
        Volatile.Write(ref _waiting, 1);
        // Between the look and the note the log may have become durable, and nobody would tell: look again.
        if (maxWatermark <= Volatile.Read(ref _durable)) return true;
        SyncWanted?.Invoke();
        return false;
    }

    public void OnFlushed(ulong memtable)
    {
        lock (_lock)
        {
            // Memtables are flushed in the order they were made, so the figures only rise.
            if (_sealed.Remove(memtable, out Figures? figures)) _flushed = figures;
        }
    }

    public void OnTableDamaged(ulong table) => TableDamaged?.Invoke();

    public long ExpiryCutoff(ReadOnlySpan<byte> key)
    {
        if (Volatile.Read(ref _replicas) is not { } replicas) return 0;
        int shard = replicas.ShardOfSlot(EngineKey.SlotOf(key));
        if (shard < 0) return 0;
        Figures figures = Volatile.Read(ref _flushed);
        return figures.ShardTime[shard];
    }

    private sealed class Figures(int shards)
    {
        public ulong[] Applied { get; } = new ulong[shards];

        public ulong[] AppliedTerm { get; } = new ulong[shards];

        public long[] ShardTime { get; } = new long[shards];

        public void Raise(ShardState state)
        {
            uint shard = state.Shard.Value;
            if (Applied[shard] >= state.Applied.Value) return;
            Applied[shard] = state.Applied.Value;
            AppliedTerm[shard] = state.AppliedTerm.Value;
            Volatile.Write(ref ShardTime[shard], Math.Max(ShardTime[shard], state.ShardTime));
        }

        public void Reset(ShardId shard)
        {
            Applied[shard.Value] = 0;
            AppliedTerm[shard.Value] = 0;
            Volatile.Write(ref ShardTime[shard.Value], 0);
        }

        public static Figures Of(ReplicaTable replicas)
        {
            var figures = new Figures(replicas.Count);
            replicas.CopyTo(figures.Applied, figures.AppliedTerm, figures.ShardTime);
            return figures;
        }
    }
}
