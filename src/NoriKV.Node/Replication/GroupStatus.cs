using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>Where a group stands, for other threads. Written by its worker behind each step, before anything is sent.</summary>
internal sealed class GroupStatus
{
    private int _role;
    private ulong _term;
    private ulong _leader;
    private ulong _leaderNode;
    private ulong _commit;
    private ulong _last;
    private ulong _released;
    private ulong _leaseFloor;
    private long _leaseStart;
    private long _leaseEnd;
    private bool _hasPeers;
    private bool _hasCaughtUp;
    private bool _hasBeenLed;
    private int _leaderChanges;
    private Freshness? _freshness;
    private ReadQuorum? _reading;

    public Raft.RaftRole Role => (Raft.RaftRole)Volatile.Read(ref _role);

    public Term Term => new(Volatile.Read(ref _term));

    /// <summary>Who leads, as far as known; none.</summary>
    public ReplicaId Leader => new(Volatile.Read(ref _leader));

    public NodeNumber LeaderNode => new(Volatile.Read(ref _leaderNode));

    public LogIndex Commit => new(Volatile.Read(ref _commit));

    public LogIndex Last => new(Volatile.Read(ref _last));

    /// <summary>True once a leader was known since the start.</summary>
    public bool HasBeenLed => Volatile.Read(ref _hasBeenLed);

    /// <summary>How often another one led than before, the first one not counted.</summary>
    public int LeaderChanges => Volatile.Read(ref _leaderChanges);

    /// <summary>The log may forget everything through here.</summary>
    public LogIndex Released => new(Volatile.Read(ref _released));

    /// <summary>True once everything was applied that its leader had committed at some moment since the start.</summary>
    public bool HasCaughtUp => Volatile.Read(ref _hasCaughtUp);

    /// <summary>
    /// Whether a read of the state, applied through <paramref name="applied"/> before it was read, is the latest: this is
    /// asked <b>behind</b> the read, with a clock looked at behind the read. A lone voter's lease has no end.
    /// </summary>
    public bool IsLeased(ulong applied, long nowNanoseconds)
    {
        // The end first: it is written last, so that the floor read behind it is that lease's or a later one's.
        return nowNanoseconds < Volatile.Read(ref _leaseEnd) && applied >= Volatile.Read(ref _leaseFloor);
    }

    /// <summary>True when the lease is a lone voter's, so that no clock is needed.</summary>
    public bool IsAlone(ulong applied) =>
        Volatile.Read(ref _leaseEnd) == long.MaxValue && applied >= Volatile.Read(ref _leaseFloor);

    /// <summary>
    /// Whether a state applied through <paramref name="applied"/> has all that another replica may have shown: replicas that do not
    /// lead answer reads as well, and one may have applied what is committed before this one has. Nobody acknowledged that write
    /// yet, and still whoever saw it there must find it here.
    /// </summary>
    public bool HasWhatOthersShow(ulong applied) => !Volatile.Read(ref _hasPeers) || applied >= Volatile.Read(ref _commit);

    /// <summary>How old a state at most is that a read sees here; false where nothing is known.</summary>
    public bool TryGetStaleness(ulong applied, long nowNanoseconds, out long nanoseconds)
    {
        long end = Volatile.Read(ref _leaseEnd);
        long start = Volatile.Read(ref _leaseStart);
        nanoseconds = end == long.MaxValue ? 0 : nowNanoseconds - start;
        return end != 0 && applied >= Volatile.Read(ref _leaseFloor);
    }

    /// <summary>As above, on a replica that does not lead: what its leader last said.</summary>
    public bool TryGetToldStaleness(ulong applied, long nowNanoseconds, out long nanoseconds)
    {
        Freshness? told = Volatile.Read(ref _freshness);
        nanoseconds = told is null ? 0 : nowNanoseconds - told.AsOf;
        return told is not null && applied >= told.Index;
    }

    /// <summary>
    /// A state applied through the index has every write that was acknowledged before a moment of this node's clock. That stays
    /// true whatever happens to leaders.
    /// </summary>
    public void NoteFresh(long asOfNanoseconds, ulong index)
    {
        if (Volatile.Read(ref _freshness) is { } told && told.AsOf >= asOfNanoseconds) return;
        Volatile.Write(ref _freshness, new Freshness(asOfNanoseconds, index));
    }

    /// <summary>
    /// Who confirms reads of this leader; null where none does. Its <see cref="Commit"/>, looked at behind this, covers all that
    /// was acknowledged before.
    /// </summary>
    public ReadQuorum? Reading => Volatile.Read(ref _reading);

    /// <summary>
    /// No read under a lease or of a round may be confirmed from here on; called before what ends it is begun.
    /// </summary>
    public void EndLease()
    {
        Volatile.Write(ref _leaseEnd, 0);
        Volatile.Write(ref _reading, null);
    }

    public void NoteCaughtUp() => Volatile.Write(ref _hasCaughtUp, true);

    public void NoteReleased(ulong index) => Volatile.Write(ref _released, index);

    /// <summary>Takes over where the core stands.</summary>
    public void Update(RaftGroup group)
    {
        Raft.RaftCore core = group.Core;
        UpdateLease(group);
        Volatile.Write(ref _hasPeers, group.HasPeers);
        Volatile.Write(ref _term, core.Term.Value);
        Volatile.Write(ref _role, (int)core.Role);
        Volatile.Write(ref _commit, core.Commit.Value);
        Volatile.Write(ref _last, core.LastIndex.Value);
        // Behind the commit index that it stands for.
        ReadQuorum? reading = ReadQuorum.Of(group, _reading);
        if (reading != _reading) Volatile.Write(ref _reading, reading);
        if (core.Leader.Value == Volatile.Read(ref _leader)) return;
        if (!core.Leader.IsNone)
        {
            // The same one again, in a later term, is a change as well: writes waited.
            if (_hasBeenLed) Volatile.Write(ref _leaderChanges, _leaderChanges + 1);
            Volatile.Write(ref _hasBeenLed, true);
        }

        Volatile.Write(ref _leader, core.Leader.Value);
        Volatile.Write(ref _leaderNode, group.NodeOf(new ReplicaId(core.Leader.Value)).Value);
    }

    private void UpdateLease(RaftGroup group)
    {
        Raft.RaftCore core = group.Core;
        long start = 0, end = 0;
        ulong floor = core.TermStart.Value;
        if (group.IsLoneLeader || group.HasPeers) group.EndReadAlone();
        if (group.IsLoneLeader) end = long.MaxValue;
        else if (group.ReadableAloneFrom is { } from) (floor, end) = (from, long.MaxValue);
        else if (!core.TryGetLease(out start, out end)) end = 0;
        if (end == 0)
        {
            Volatile.Write(ref _leaseEnd, 0);
            return;
        }

        if (Volatile.Read(ref _leaseFloor) != floor)
        {
            Volatile.Write(ref _leaseEnd, 0);
            Volatile.Write(ref _leaseFloor, floor);
        }

        Volatile.Write(ref _leaseStart, start);
        Volatile.Write(ref _leaseEnd, end);
    }

    private sealed record Freshness(long AsOf, ulong Index);
}
