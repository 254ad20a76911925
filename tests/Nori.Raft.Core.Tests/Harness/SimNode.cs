namespace Nori.Raft.Core.Tests.Harness;

/// <summary>
/// A driver around one core: a log in memory, a disk that gets it later, a state machine that hashes what is
/// applied. It does with a Ready what the comments there say, no more and no less.
/// </summary>
internal sealed class SimNode(ReplicaId id, SimDisk disk, Func<ReplicaId, ulong, RaftOptions> options, ISimObserver observer)
{
    public const long EntryBytes = 100;

    private readonly Dictionary<(LogIndex, Term), SimEntry> _staged = [];
    private readonly Dictionary<LogIndex, ulong> _stagedSnapshots = [];
    private readonly List<SimEntry> _log = [];
    private readonly Queue<(Ready Ready, SimEntry[] Entries, ulong Snapshot)> _pending = [];
    private readonly Dictionary<LogIndex, ulong> _states = [];
    private LogIndex _base;
    private ulong _starts;

    public ReplicaId Id => id;

    public SimDisk Disk => disk;

    public RaftCore? Core { get; private set; }

    public bool IsUp => Core is not null;

    public LogIndex Applied { get; private set; }

    public int PendingWrites => _pending.Count;

    public List<SnapshotRequest> SnapshotRequests { get; } = [];

    public void Start()
    {
        _staged.Clear();
        _stagedSnapshots.Clear();
        _pending.Clear();
        _states.Clear();
        SnapshotRequests.Clear();
        _log.Clear();
        _log.AddRange(disk.Entries);
        (_base, Applied) = (disk.BaseIndex, disk.BaseIndex);
        _states[_base] = disk.BaseState;
        Core = new RaftCore(options(id, ++_starts), disk.Load());
    }

    /// <summary>
    /// The process is gone; of the writes under way the first few may have reached the disk.
    /// </summary>
    public void Crash(int writesThatMadeIt = 0)
    {
        for (int i = 0; i < writesThatMadeIt && _pending.TryDequeue(out var write); i++)
            disk.Write(write.Ready, write.Entries, write.Snapshot);
        _pending.Clear();
        Core = null;
    }

    public StepResult Receive(Packet packet)
    {
        foreach (SimEntry entry in packet.Entries) _staged[(entry.Index, entry.Term)] = entry;
        if (packet.Message.Snapshot is { } snapshot) _stagedSnapshots[snapshot.Index] = packet.SnapshotState;
        return Core!.Step(packet.Message);
    }

    public ProposeResult Propose(ulong payload)
    {
        ProposeResult result = Core!.TryPropose(1, EntryBytes);
        if (result.IsAccepted) _staged[(result.First, result.Term)] = new SimEntry(result.First, result.Term, payload, null);
        return result;
    }

    /// <summary>Takes one Ready and does all of it that need not wait.</summary>
    public Ready Pump(long now, Action<Packet> send)
    {
        Ready ready = Core!.TakeReady(now);
        ulong snapshotState = 0;
        if (ready.Snapshot is { } snapshot)
        {
            snapshotState = _stagedSnapshots[snapshot.Index];
            _log.Clear();
            _states.Clear();
            (_base, Applied) = (snapshot.Index, snapshot.Index);
            _states[_base] = snapshotState;
            observer.OnApplied(this, new SimEntry(snapshot.Index, snapshot.Term, 0, null), snapshotState, isSnapshot: true);
        }

        SimEntry[] entries = Collect(ready);
        _pending.Enqueue((ready, entries, snapshotState));
        foreach (RaftMessage message in ready.Messages) send(Fill(message));
        if (ready.HasCommitted) Apply(ready);
        SnapshotRequests.AddRange(ready.SnapshotRequests);
        foreach (RaftEvent e in ready.Events)
            if (e.Kind == RaftEventKind.Healed) disk.IsDamaged = false;
        observer.OnReady(this, ready);
        return ready;
    }

    /// <summary>The oldest write under way becomes durable.</summary>
    public Ready Persist(Action<Packet> send)
    {
        (Ready ready, SimEntry[] entries, ulong snapshotState) = _pending.Dequeue();
        disk.Write(ready, entries, snapshotState);
        foreach (RaftMessage message in ready.MessagesAfterPersist) send(Fill(message));
        Core!.Advance(new Persisted(ready.Number));
        return ready;
    }

    /// <summary>Makes the applied state durable up to an index and drops the log before it.</summary>
    public bool Compact(LogIndex index)
    {
        if (index <= _base || index > Applied || index > disk.LastIndex || index > Core!.DurableIndex) return false;
        if (disk.BaseIndex != _base || !Core.TryDescribeSnapshot(index, out SnapshotMeta? meta)) return false;
        if (!Core.TruncatePrefix(index)) return false;
        disk.Entries.RemoveRange(0, (int)(index - disk.BaseIndex));
        (disk.BaseIndex, disk.BaseTerm, disk.BaseState) = (index, meta!.Term, _states[index]);
        disk.BaseConfiguration = meta.Configuration;
        _log.RemoveRange(0, (int)(index - _base));
        foreach (LogIndex old in _states.Keys.Where(i => i < index).ToArray()) _states.Remove(old);
        _base = index;
        return true;
    }

    /// <summary>A snapshot of what is applied now, as the message that ends its stream.</summary>
    public Packet? MakeSnapshot(ReplicaId to)
    {
        if (!Core!.TryDescribeSnapshot(Applied, out SnapshotMeta? meta)) return null;
        RaftMessage message = new()
        {
            Kind = MessageKind.Snapshot, Group = Core.Group, From = id, To = to, Term = Core.Term, Snapshot = meta,
        };
        return new Packet(message, [], _states[Applied]);
    }

    /// <summary>Entries from an index on are unreadable after the crash.</summary>
    public void Damage(LogIndex from)
    {
        disk.Entries.RemoveRange((int)(from - disk.BaseIndex) - 1, (int)(disk.LastIndex - from) + 1);
        disk.IsDamaged = true;
    }

    public SimEntry? EntryAt(LogIndex index) =>
        index > _base && index <= _base + (ulong)_log.Count ? _log[(int)(index - _base) - 1] : null;

    public LogIndex LogBase => _base;

    private SimEntry[] Collect(Ready ready)
    {
        if (ready.Entries.IsEmpty) return [];
        List<SimEntry> entries = [];
        for (LogIndex i = ready.Entries.First; i <= ready.Entries.Last; i = i.Next)
        {
            Term term = ready.Entries.TermAt(i);
            SimEntry entry = ready.Entries.ConfigurationAt(i) is { } configuration
                ? new SimEntry(i, term, 0, configuration)
                : i == ready.NoOp ? new SimEntry(i, term, 0, null) : _staged[(i, term)];
            entries.Add(entry);
        }

        int keep = (int)(ready.Entries.First - _base) - 1;
        Assert.True(keep <= _log.Count, "a gap in the log");
        if (keep < _log.Count) _log.RemoveRange(keep, _log.Count - keep);
        _log.AddRange(entries);
        if (_staged.Count > 4000) _staged.Clear();
        return entries.ToArray();
    }

    private Packet Fill(RaftMessage message)
    {
        if (message.Entries.IsEmpty) return new Packet(message, []);
        SimEntry[] entries = new SimEntry[message.Entries.Count];
        for (int i = 0; i < entries.Length; i++)
        {
            LogIndex index = message.Entries.First + (ulong)i;
            entries[i] = EntryAt(index)!;
            Assert.Equal(message.Entries.TermAt(index), entries[i].Term);
        }

        return new Packet(message, entries);
    }

    private void Apply(Ready ready)
    {
        Assert.Equal(Applied.Next, ready.Committed.First);
        for (LogIndex i = ready.Committed.First; i <= ready.Committed.Last; i = i.Next)
        {
            SimEntry entry = EntryAt(i)!;
            ulong state = Mix(_states[i.Previous], entry.Term.Value, entry.Payload);
            _states[i] = state;
            Applied = i;
            observer.OnApplied(this, entry, state, isSnapshot: false);
        }
    }

    private static ulong Mix(ulong state, ulong term, ulong payload)
    {
        ulong z = (state ^ (term * 0x9E3779B97F4A7C15UL)) + (payload * 0xBF58476D1CE4E5B9UL) + 1;
        z = (z ^ (z >> 29)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 32);
    }
}
