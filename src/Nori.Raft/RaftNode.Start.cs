using Nori.Raft.Core;

namespace Nori.Raft;

// What the disk holds becomes a replica.
public sealed partial class RaftNode
{
    private RaftNode(RaftNodeOptions options, RaftState state, LogIndex snapshot)
    {
        _options = options;
        _core = new RaftCore(options.ToCore(), state);
        _metrics = new RaftMetrics(options.Meter);
        _tail = new EntryTail(options.Log, state.LastIndex, options.TailBytesMax);
        _writer = new LogWriter(options.Log, options.Time);
        _applier = new Applier(
            options.StateMachine, options.Snapshots, state.Applied, _metrics.Apply, options.Time, OnCaptured, OnRead);
        _exchange = new SnapshotExchange(options, OnSnapshotArrived, OnSnapshotSent, OnSnapshotStored);
        _commandSlots = new Slots(options.CommandsMax);
        _readSlots = new Slots(options.ReadsMax);
        _hardState = _storedHardState = state.HardState;
        _fed = state.Applied;
        _committed = _core.Commit;
        _snapshotIndex = snapshot;
        _tickLength = TimeSpan.FromTicks(Math.Max(1, options.ToCore().TickNanoseconds / 100));
        _lastTick = options.Time.GetTimestamp();
        _status = NewStatus();
        options.Transport.Received = OnFrame;
        Steps =
        [
            new RaftStep("owner", () => Guarded(RunOwner)),
            new RaftStep("log", () => Guarded(RunLog)),
            new RaftStep("apply", () => Guarded(RunApply)),
            new RaftStep("snapshot", () => Guarded(RunSnapshot)),
        ];
        if (options.RunLoops) StartLoops();
    }

    /// <summary>Starts a replica from what its log and its snapshots hold, on the calling thread.</summary>
    /// <exception cref="ArgumentException">The options have problems; the message names them.</exception>
    /// <exception cref="InvalidDataException">Log, snapshots and state machine do not fit together.</exception>
    public static ValueTask<RaftNode> StartAsync(RaftNodeOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        StoredSnapshot? latest = options.Snapshots.Latest;
        RaftState state = options.Log.Open() is { } found ? Align(options, found, latest) : Create(options, latest);
        LogIndex applied = Restore(options, state, latest);
        RaftNode node = new(options, state with { Applied = applied }, latest?.Meta.Index ?? state.BaseIndex);
        return ValueTask.FromResult(node);
    }

    private static RaftState Create(RaftNodeOptions options, StoredSnapshot? latest)
    {
        // Its votes are gone with the log: under this id it could vote twice in a term.
        if (latest is not null)
            throw new InvalidDataException("the log is empty but there is a snapshot: a replica that lost its log needs another id");
        Configuration first = options.FirstVoters.Count == 0 ? Configuration.Empty : new(options.FirstVoters);
        ConfigurationEntry entry = new(default, first);
        options.Log.Write([new RaftLogWrite { Base = new RaftLogBase(default, default, entry, false), MustSync = true }]);
        return RaftState.New(first);
    }

    // A crash came between a snapshot and the log that begins behind it: the second step is repeated. What stood in the log
    // is committed up to the snapshot, and is in it. No vote of the snapshot's term can have left before.
    private static RaftState Align(RaftNodeOptions options, RaftState found, StoredSnapshot? latest)
    {
        if (latest is null || Holds(found, latest.Meta)) return found;
        SnapshotMeta meta = latest.Meta;
        HardState hard = found.HardState;
        if (hard.Term < meta.Term) hard = new HardState(meta.Term, ReplicaId.None, meta.Index);
        hard = hard with { Commit = LogIndex.Max(hard.Commit, meta.Index) };
        RaftLogBase start = new(meta.Index, meta.Term, meta.Configuration, true);
        options.Log.Write([new RaftLogWrite { Base = start, HardState = hard, MustSync = true }]);
        return found with
        {
            HardState = hard, BaseIndex = meta.Index, BaseTerm = meta.Term, LastIndex = meta.Index, Terms = [],
            LogBytes = 0, BaseConfiguration = meta.Configuration, Configurations = [],
        };
    }

    // By term, not by length: behind a snapshot that was received may stand entries that never were committed.
    private static bool Holds(RaftState state, SnapshotMeta meta)
    {
        if (meta.Index < state.BaseIndex) return true;
        if (meta.Index > state.LastIndex) return false;
        Term term = state.BaseTerm;
        foreach (TermSpan span in state.Terms)
            if (span.First <= meta.Index) term = span.Term;
        return term == meta.Term;
    }

    private static LogIndex Restore(RaftNodeOptions options, RaftState state, StoredSnapshot? latest)
    {
        LogIndex applied = options.StateMachine.Applied;
        if (applied.Value > 0 && !options.AppliesOnlyDurable)
            throw new ArgumentException("a state machine that keeps its state needs AppliesOnlyDurable", nameof(options));
        if (latest is not null && latest.Meta.Index > applied)
            applied = SnapshotStream.Restore(options.StateMachine, options.Snapshots).Meta.Index;
        if (applied < state.BaseIndex)
            throw new InvalidDataException($"the state holds entries up to {applied}, the log begins behind {state.BaseIndex}");
        if (applied > state.LastIndex && !state.IsDamaged)
            throw new InvalidDataException($"the state holds entries up to {applied}, the log only up to {state.LastIndex}");
        return applied;
    }
}
