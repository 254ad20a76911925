using Nori.Core;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Snapshots;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node;

/// <summary>How the node is put together, and its steps.</summary>
public sealed partial class NoriNode
{
    private static int WorkersOf(NodeOptions options, int asked) => options switch
    {
        { RunLoops: false } => Math.Max(1, asked),
        _ when asked > 0 => asked,
        _ => Math.Clamp(Environment.ProcessorCount / 2, 1, 8),
    };

    /// <summary>The groups, for tests and checkers.</summary>
    internal RaftHost Log => _log;

    /// <summary>A replica as checkers look at it; throws where none lives here.</summary>
    internal NodeInspection Inspect(ShardId shard) => new(
        _log.Group(shard) ?? throw new ArgumentOutOfRangeException(nameof(shard)), _replicas, _storage);

    // It may have peers, now or later.
    private bool IsNetworked => _options.Transport is not null;

    private bool HasPeers => _options.Plan is { Nodes.Count: > 1 } || (IsNetworked && Table.Current.Nodes.Count > 1);

    // A node alone has no peers to write to while its disk syncs: workers and log share one thread, which saves a change of
    // threads for each batch.
    private StepSignal[] MakeSignals()
    {
        if (!HasPeers && _options.RaftWorkers == 0) return [new StepSignal()];
        return [.. Enumerable.Range(0, WorkersOf(_options, _options.RaftWorkers)).Select(static _ => new StepSignal())];
    }

    private LogWriter MakeWriter(StepSignal[] signals) => new(
        _parts.Log, _parts.Tickets, _storage, _parts.Gate, _failure, HasPeers ? new StepSignal() : signals[0],
        new LogWriterOptions
        {
            Sync = _options.Sync,
            EarlyFlushSegments = _options.LogEarlyFlushSegments,
            Meter = _options.Meter,
            Time = _time,
        });

    private HostContext MakeHost()
    {
        NodeNumber self = _parts.Directory.Identity.Node;
        var options = new RaftHostOptions
        {
            Node = self,
            NodeName = _options.NodeName,
            AddressOf = _views.AddressOf,
            GroupBacklogBytesMax = _options.ApplyBacklogBytesMax / 4,
            ApplyLagBytesMax = _options.ApplyBacklogBytesMax / 4,
            RetainedBytesMax = _options.LogRetainedBytesMax,
            RetainedEntriesMax = (ulong)_options.LogRetainedEntriesMax,
            KeepsUnsynced = _options.Sync == Nori.Wal.SyncPolicy.Os,
            RunAnswers = _options.RunAnswers,
            Events = _options.Events,
            Time = _time,
        };
        IEnumerable<NodeNumber> peers = IsNetworked ? PeersOf(Table.Current) : [];
        return new HostContext
        {
            Options = options,
            Log = _writer,
            Tickets = _parts.Tickets,
            Pipeline = _pipeline,
            Replicas = _replicas,
            Gate = _parts.Gate,
            Admission = _admission,
            Failure = _failure,
            Storage = _storage,
            Machine = _options.Machine,
            Liveness = new NodeLiveness(peers, 12 * options.Tick, _time),
            Sender = IsNetworked
                ? new PeerSender(
                    _options.Transport!, self, ClusterId, BootEpoch, () => _pipeline.BacklogBytes, _time, _options.Meter)
                : null,
            Metrics = new HostMetrics(_options.Meter),
            Slow = SlowOperations,
            Slots = _parts.Slots,
            Tombstones = TombstonesOf(_parts),
            MakeGroup = MakeGroup,
            LeadersChanged = () =>
            {
                Interlocked.Exchange(ref _leadersChanged, 1);
                _agent?.NoteChanged();
            },
            Released = () => _log!.EndRelease(),
            PeerLost = _calls.NoteLost,
        };
    }

    private PeerCalls MakeCalls() => new(
        _parts.Directory.Identity.Node, PeerBatch.HashOf(ClusterId), BootEpoch, _options.Transport, _watch,
        _completions, _time, new PeerCallOptions(), _options.Meter)
    {
        Serves = method => _failure.Reason is null || method == PeerMethod.Diagnose,
        Watched = () => _loop?.WakeTicks(),
        Crashed = e => _failure.Set("A call of another node threw", e),
    };

    private RaftGroup?[] MakeGroups()
    {
        var groups = new RaftGroup?[_totalShards + 1];
        foreach (GroupStart start in _parts.Groups) groups[start.Shard.Value] = MakeGroup(start);
        return groups;
    }

    private RaftGroup MakeGroup(GroupStart start)
    {
        ulong seed;
        lock (_groupSeeds) seed = _groupSeeds.NextUInt64();
        var options = new Raft.RaftOptions
        {
            Group = new Raft.GroupId(start.Shard.Value),
            Replica = new Raft.ReplicaId(start.Replica.Value),
            Seed = seed,
            TickNanoseconds = (long)_host.Options.Tick.TotalNanoseconds,
            // With many groups most writes are alone in theirs: then every other message would say nothing else.
            TellsCommitAtOnce = false,
        };
        return new RaftGroup(start, options, _parts.Log) { ActiveAt = _time.GetTimestamp() };
    }

    private static Tombstones TombstonesOf(NodeParts parts)
    {
        var tombstones = new Tombstones(parts.Directory.Identity.TotalShards + 1);
        foreach (Log.GroupState state in parts.Log.Groups)
        {
            if (state.IsClean && state.Shard.Value <= (uint)parts.Directory.Identity.TotalShards)
            {
                tombstones.Raise(state.Shard, state.Replica);
            }
        }

        return tombstones;
    }

    private IEnumerable<NodeNumber> PeersOf(Meta.ClusterMap map) =>
        map.Nodes.Where(n => n.IsMember && n.Number != _parts.Directory.Identity.Node).Select(static n => n.Number);

    private SnapshotExchange? MakeSnapshots()
    {
        if (!IsNetworked) return null;
        ITransport transport = _options.Transport!;
        var staging = new SnapshotStaging(_options.FileSystem, _options.DataDirectory);
        staging.Clean();
        SnapshotOptions options = _options.Snapshots with
        {
            ClusterHash = _host.Sender!.Cluster,
            Seed = _parts.Seed ^ 1,
            IdempotencyRetention = _options.Machine.IdempotencyRetention,
            Time = _time,
            Meter = _options.Meter,
            Events = _options.Events,
        };
        var exchange = new SnapshotExchange(
            options, _storage, _replicas, _log,
            (node, frame) => transport.TrySend(node, PeerChannel.Snapshot, frame), staging, _parts.Slots);
        transport.Received = (from, channel, frame) =>
        {
            // A node that stops still takes part until its leaderships are with others. One that failed takes part no more, and
            // still says why.
            if (Volatile.Read(ref _closed) is not null) return;
            if (_failure.Reason is not null)
            {
                if (channel == PeerChannel.Control) _calls.Receive(from, channel, frame);
                return;
            }

            if (channel == PeerChannel.Raft && VouchFrame.IsOne(frame.Span)) _vouching!.Receive(from, frame.Span);
            // What votes, entries and leases hang on; calls only lead to it, and say what is wrong.
            else if (channel is PeerChannel.Raft or PeerChannel.Snapshot && !_vouching!.Hears(from)) return;
            else if (channel == PeerChannel.Raft) _log.Receive(from, frame);
            else if (channel == PeerChannel.Snapshot) exchange.Receive(from, frame);
            else if (channel is PeerChannel.Control or PeerChannel.Forward) _calls.Receive(from, channel, frame);
        };
        return exchange;
    }

    private PeerVouching? MakeVouching() => _host.Sender is { } sender
        ? new PeerVouching(_options, _parts.Directory.Identity.Node, _parts.Memory, sender, _host.Liveness, _failure, _parts.Seed ^ 2)
        : null;

    private NodeStep[] MakeSteps() =>
    [
        Step("tick", () =>
        {
            Tick(_time.GetElapsedTime(_maintainedAt) >= TimeSpan.FromSeconds(1));
            return false;
        }) with { RetryInMs = () => NodeLoop.PeriodMs(_watch, TickPeriod) },
        .. _log.Workers.Select((worker, i) => Step($"raft-{i}", worker.RunOnce) with { Signal = worker.Signal }),
        Step("log", _writer.RunOnce) with
        {
            Signal = _writer.Signal,
            RetryInMs = () => _writer.RetryInMs,
            IsSyncing = () => _writer.IsSyncing,
        },
        .. _pipeline.Workers.Select((worker, i) => Step($"apply-{i}", worker.RunOnce) with
        {
            Signal = worker.Signal,
            RetryInMs = () => worker.RetryInMs,
        }),
        .. StepsOfPeers(),
        Step("mend", _mender.RunOnce) with { Signal = _mender.Signal, RetryInMs = () => _mender.RetryInMs },
        Step("engine", _storage.RunOnce),
    ];

    private IEnumerable<NodeStep> StepsOfPeers()
    {
        if (_snapshots is not { } snapshots) yield break;
        yield return Step("vouch", _vouching!.RunOnce) with { Signal = _vouching.Signal, RetryInMs = () => _vouching.RetryInMs };
        yield return Step("snapshot", snapshots.RunOnce) with { Signal = snapshots.Signal, RetryInMs = () => snapshots.RetryInMs };
        yield return Step("compare", _consistency.RunOnce) with
        {
            Signal = _consistency.Signal,
            RetryInMs = () => _consistency.RetryInMs,
        };
        yield return Step("calls", _calls.RunOnce) with { Signal = _calls.Signal };
        yield return Step("driver", StepMeta) with { Signal = _meta.Signal, RetryInMs = () => _agent.RetryInMs };
    }

    /// <summary>Without loops: false while what was answered waits for the end of a step to go on.</summary>
    internal bool IsSettled => _completions is not { IsEmpty: false };

    // Continuations run at the end of the step that caused them.
    private NodeStep Step(string name, Func<bool> run) => new(name, () => run() | (_completions?.Drain() ?? false));

    private TimeSpan? TickPeriod => IsNetworked ? TimeSpan.FromMilliseconds(50) : null;

    private NodeLoop MakeLoop() => new(
        _watch, TickPeriod, Tick,
        e => _failure.Set("A loop of the node ended", e));

    private void AddJobs(NodeLoop loop)
    {
        foreach (RaftWorker worker in _log.Workers)
        {
            bool writesToo = worker.Signal == _writer.Signal;
            Func<bool> run = writesToo ? () => worker.RunOnce() | _writer.RunOnce() : worker.RunOnce;
            loop.Add($"nori-raft-{worker.Number}", worker.Signal, run, writesToo ? () => _writer.RetryInMs : static () => null);
        }

        if (_log.Workers.All(worker => worker.Signal != _writer.Signal))
        {
            loop.Add("nori-log", _writer.Signal, _writer.RunOnce, () => _writer.RetryInMs);
        }

        foreach (ApplyWorker worker in _pipeline.Workers)
        {
            loop.Add("nori-apply", worker.Signal, worker.RunOnce, () => worker.RetryInMs);
        }

        loop.Add("nori-mend", _mender.Signal, _mender.RunOnce, () => _mender.RetryInMs);
        if (IsNetworked) loop.Add("nori-compare", _consistency.Signal, _consistency.RunOnce, () => _consistency.RetryInMs);
        if (_snapshots is { } snapshots)
        {
            loop.Add("nori-vouch", _vouching!.Signal, _vouching.RunOnce, () => _vouching.RetryInMs);
            loop.Add("nori-meta", _meta.Signal, StepMeta, () => _agent.RetryInMs);
            loop.Add("nori-snapshot", snapshots.Signal, snapshots.RunOnce, () => snapshots.RetryInMs);
            loop.Add("nori-calls", _calls.Signal, _calls.RunOnce, static () => null);
        }
    }

    private ApplyWorker MakeWorker(ApplyPipeline pipeline, int number) => new(
        _storage, _replicas, _failure, _admission, pipeline,
        new ApplyWorkerOptions
        {
            RunAnswers = _options.RunAnswers,
            Meter = _options.Meter,
            Time = _time,
            Damaged = NoteDamage,
        });
}
