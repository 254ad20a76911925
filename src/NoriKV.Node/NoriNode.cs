using Nori.Core;
using Nori.IO;
using Nori.Observe;
using NoriKV.Node.Directory;
using NoriKV.Node.Entries;
using NoriKV.Node.Meta;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Snapshots;
using NoriKV.Node.Requests;
using NoriKV.Node.Routing;
using NoriKV.Node.Tracing;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A node: one shared log, one engine, all shards. Composes the parts and gives requests their meaning.</summary>
public sealed partial class NoriNode : INoriNode, INodeOperations, IRouter
{
    /// <summary>How often idle shards with expired bytes get a time entry.</summary>
    private static readonly TimeSpan TimeEntryPeriod = TimeSpan.FromHours(1);

    private readonly NodeOptions _options;
    private readonly NodeParts _parts;
    private readonly TimeProvider _time;
    private readonly IStorage _storage;
    private readonly Prng _groupSeeds;
    private readonly ReplicaTable _replicas;
    private readonly PendingWatch _watch = new();
    private readonly NodeFailure _failure;
    private readonly Admission _admission;
    private readonly ApplyPipeline _pipeline;
    private readonly RaftHost _log;
    private readonly LogWriter _writer;
    private readonly RaftClock _clock;
    private readonly HostContext _host;
    private readonly PeerVouching? _vouching;
    private readonly SnapshotExchange? _snapshots;
    private readonly PeerCalls _calls;
    private readonly CompletionQueue? _completions;
    private readonly NodeLoop? _loop;
    private readonly RequestValidator _validator;
    private readonly DeadlineRules _deadlines;
    private readonly NodeViews _views;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _startedAt;
    private readonly bool _hashTags;
    private readonly int _totalShards;
    private long _maintainedAt;
    private long _timedAt;
    private string? _diskFull;
    private string? _stopping;
    private string? _closed;
    private int _stopped;

    private NoriNode(NodeOptions options, NodeParts parts)
    {
        _options = options;
        _parts = parts;
        _time = options.Time;
        _storage = parts.Storage;
        _replicas = parts.Replicas;
        _failure = new NodeFailure(_watch);
        SlowOperations = new SlowLog(options.Slow, options.Meter, _time);
        _admission = new Admission(
            options.MaxInFlight, options.InFlightBytesMax, options.ApplyBacklogBytesMax, new QueuePace(options.Time));
        _completions = options.RunLoops ? null : new CompletionQueue();
        _validator = new RequestValidator(options.Limits);
        _deadlines = new DeadlineRules(_time, options.AnswerMargin, options.RequestTimeout);
        _hashTags = parts.Directory.Identity.HashTags;
        _totalShards = parts.Directory.Identity.TotalShards;
        _groupSeeds = new Prng(parts.Seed);
        (ClusterMap known, ulong epoch, ulong saved) = KnownOf(options, parts);
        Table = new ClusterTable(known);
        _pipeline = new ApplyPipeline(
            MakeWorker, WorkersOf(options, options.ApplyWorkers), _totalShards + 1, options.ApplyBacklogBytesMax,
            options.ApplyBacklogBytesMax / 4);
        if (options.RunLoops) _loop = MakeLoop();
        StepSignal[] signals = MakeSignals();
        _writer = MakeWriter(signals);
        // A record of its own makes a node alone no member of a larger cluster.
        bool isAlone = options.Plan is not { Nodes.Count: > 1 } && known.Nodes.Count == 1;
        _views = new NodeViews(parts.Directory.Identity, known, isAlone, epoch, options.AdvertiseAddress);
        _calls = MakeCalls();
        _directory = new TableDirectory(Table, Self, options.NodeName, _views.AddressOf, _views.LeaderOf);
        _sessions = new NodeSessions(Self, BootEpoch, parts.Replicas.Count, options.Machine.SessionWindow);
        _routed = new Admission(options.MaxInFlight, options.InFlightBytesMax, options.ApplyBacklogBytesMax);
        (_parkLength, _tryLength, _replyMargin) = (TicksOf(ParkMax), TicksOf(FirstTry), TicksOf(ReplyMargin));
        _forwarded = options.Meter.Counter("route_forwards_total", "Requests that this node asked another one to serve.");
        ServePeers();
        ServeDiagnosis();
        _host = MakeHost();
        _log = new RaftHost(
            _host, MakeGroups(), signals, _watch, _completions, () => _loop?.WakeTicks(), _groupSeeds.NextUInt64());
        _clock = new RaftClock(_host, _log.Workers);
        _leaderChanges = new LeaderChanges(
            _totalShards + 1, shard => _log.Group(new ShardId((uint)shard))?.Published.LeaderChanges ?? 0, _time);
        _vouching = MakeVouching();
        _snapshots = _host.Snapshots = MakeSnapshots();
        _failure.Failed = _views.NoteStopped;
        _mender = MakeMender();
        _digests = MakeDigests();
        _consistency = MakeConsistency();
        _meta = MakeMeta();
        _agent = new MetaAgent(_meta, saved);
        _metaLeader = new MetaLeader(_meta);
        _driver = new PlacementDriver(_meta, _metaLeader);
        _ = new MetaDesk(_meta, _metaLeader, _driver);
        _office = new MetaOffice(_meta, _agent);
        Table.Changed += OnMap;
        _metas = new ReadMetas(options.NodeName);
        _writeMeta = options.Sync == Nori.Wal.SyncPolicy.Os ? new KvMeta { Durability = "os" } : KvMeta.None;
        _startedAt = _time.GetTimestamp();
        _maintainedAt = _startedAt;
        _timedAt = _startedAt;
        if (_loop is not null) AddJobs(_loop);
        Steps = MakeSteps();
    }

    /// <inheritdoc/>
    public string NodeId => _parts.Directory.Identity.Name;

    /// <inheritdoc/>
    public KvLimits Limits => _options.Limits;

    /// <summary>What is worth printing at start: settings that were ignored, copies that were repaired.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <inheritdoc/>
    public SlowLog SlowOperations { get; }

    /// <summary>The cluster's id.</summary>
    public Guid ClusterId => _parts.Directory.Identity.ClusterId;

    /// <summary>This node's number in the cluster.</summary>
    public NodeNumber Number => _parts.Directory.Identity.Node;

    /// <summary>The uuid of the store it lives on.</summary>
    public Guid StoreUuid => _parts.Directory.Identity.StoreUuid;

    /// <summary>Starts of a process on this data directory, this one included.</summary>
    public ulong BootEpoch => _parts.Directory.Identity.BootEpoch;

    /// <summary>Opens or founds the data directory and serves when it returns.</summary>
    /// <exception cref="ArgumentException">The options have problems; all of them are named.</exception>
    /// <exception cref="NodeStartException">The directory belongs to another node or other settings.</exception>
    /// <exception cref="DirectoryLockedException">Another process has the directory.</exception>
    /// <exception cref="CorruptionException">What is stored is damaged; names file and offset.</exception>
    public static async ValueTask<NoriNode> StartAsync(NodeOptions options, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        NodeParts parts = await new NodeStarter(options).OpenAsync(cancellationToken).ConfigureAwait(false);
        var node = new NoriNode(options, parts);
        try
        {
            node.Begin();
            return node;
        }
        catch
        {
            await node.CloseAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The dialable gRPC address, once it is bound.</summary>
    public void SetAdvertiseAddress(string address) => _views.SetAddress(address);

    /// <summary>Who else is there, for the view; a hint that changes no quorum.</summary>
    public void SetMembers(IReadOnlyList<Member> members) => _views.SetMembers(members);

    /// <summary>The node's work in parts, for an owner without loops, who may run them in any order and leave some out.</summary>
    public IReadOnlyList<NodeStep> Steps { get; }

    /// <summary>One round of all steps of a node without loops, then the continuations it caused; false when idle.</summary>
    public bool RunOnce()
    {
        bool worked = false;
        foreach (NodeStep step in Steps) worked |= step.RunOnce();
        return worked;
    }

    /// <summary>Looks at deadlines now; in a test, while a step stands still.</summary>
    internal void ExpireNow() => _watch.Expire(_time.GetTimestamp());

    /// <inheritdoc/>
    public async ValueTask StopAsync(TimeSpan limit)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            await _ended.Task.ConfigureAwait(false);
            return;
        }

        try
        {
            await StopOnceAsync(limit).ConfigureAwait(false);
        }
        finally
        {
            _ended.SetResult();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => StopAsync(TimeSpan.FromSeconds(5));

    /// <inheritdoc/>
    public ShardId ShardOf(ReadOnlySpan<byte> key) => KeyHash.Shard(key, _totalShards, _hashTags);

    NodeNumber? IRouter.LeaderOf(ShardId shard)
    {
        NodeNumber leader = _log.Status(shard).Leader;
        return _failure.Reason is null && leader.Value != 0 ? leader : null;
    }

    bool IRouter.IsLocal(ShardId shard) => shard.Value < (uint)_totalShards && _log.Group(shard) is not null;

    private async ValueTask StopOnceAsync(TimeSpan limit)
    {
        long began = _time.GetTimestamp();
        _stopping = "The node is stopping";
        _views.NoteStopped();
        await HandOverAsync(limit).ConfigureAwait(false);
        await ShowHandOverAsync(limit).ConfigureAwait(false);
        // Those in flight are answered first; what is left when the time is over gets its outcome on the next start.
        while (_admission.Count > 0 && _failure.Reason is null && _time.GetElapsedTime(began) < limit)
        {
            if (_loop is null) RunOnce();
            else await Task.Delay(TimeSpan.FromMilliseconds(1), _time).ConfigureAwait(false);
        }

        if (_failure.Reason is null) await FlushWithinAsync(limit - _time.GetElapsedTime(began)).ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
    }

    private void Begin()
    {
        List<string> warnings = [.. _parts.Directory.Warnings, .. _parts.Warnings];
        if (_options.Sync == Nori.Wal.SyncPolicy.Os)
        {
            warnings.Add("sync=os: answers do not wait for the disk; a loss of power loses the last second of writes");
        }

        Warnings = warnings;
        _mender.Begin();
        BeginAlone();
        if (_failure.Cause is { } cause) throw cause;
        CheckDisk();
        Announce();
        _options.PeersChanged?.Invoke(Table.Current);
        LookForSelf(Table.Current);
        _loop?.Start();
    }

    private void Tick(bool maintenanceDue)
    {
        _watch.Expire(_time.GetTimestamp());
        _clock.RunOnce();
        _log.LookAtReads();
        FollowLeaders();
        if (!maintenanceDue) return;
        _maintainedAt = _time.GetTimestamp();
        CheckDisk();
        _leaderChanges.Look();
        if (_storage.Failure is { } failed) _failure.Set("The engine failed", failed);
        if (_time.GetElapsedTime(_timedAt) >= TimeEntryPeriod) MoveTimeOn();
        _writer.WantMaintenance();
    }

    /// <summary>Compaction drops expired bytes by shard time, which stands still in an idle shard.</summary>
    private void MoveTimeOn()
    {
        _timedAt = _time.GetTimestamp();
        long nowUnixMs = _time.GetUtcNow().ToUnixTimeMilliseconds();
        for (uint i = 0; i < (uint)_totalShards && NotReadyReason is null; i++)
        {
            var shard = new ShardId(i);
            if (!_log.Status(shard).IsLeader || !_replicas.NeedsTime(shard, nowUnixMs)) continue;
            _log.TryPropose(new Proposal(
                shard, EntryWriter.Encode(EntryKind.Time), _timedAt, long.MaxValue, _completions, CancellationToken.None));
        }
    }

    private void CheckDisk()
    {
        long free;
        try
        {
            _parts.Directory.TrySave();
        }
        catch (StorageException e)
        {
            _failure.Set("The node's directory failed", e);
            return;
        }

        try
        {
            free = _options.FileSystem.FreeBytes(_options.DataDirectory);
        }
        catch (StorageException)
        {
            return; // Not being able to ask says nothing about the space.
        }

        _diskFull = !_parts.Directory.IsSaved ? NodeDirectory.NotSaved(_options.DataDirectory)
            : free < _options.DiskReserveBytes
            ? $"Disk full: {free} bytes are left where {_options.DataDirectory} lies, "
                + $"{_options.DiskReserveBytes} are kept in reserve"
            : null;
    }

    private async ValueTask FlushWithinAsync(TimeSpan limit)
    {
        if (limit <= TimeSpan.Zero) return;
        long began = _time.GetTimestamp();
        try
        {
            using var late = new CancellationTokenSource(limit, _time);
            ValueTask flush = _storage.FlushAsync(late.Token);
            // A node without loops: nobody else's timer ends this, and ticks that go on are work for ever.
            while (_loop is null && !flush.IsCompleted && _failure.Reason is null
                && _time.GetElapsedTime(began) < limit && RunOnce())
            {
            }

            if (_loop is not null || flush.IsCompleted) await flush.ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or Nori.Lsm.LsmFailedException)
        {
            // Nothing is lost: what is not in tables is in the log.
        }
    }

    private async ValueTask CloseAsync()
    {
        _stopping ??= "The node is stopping";
        _loop?.Dispose();
        Volatile.Write(ref _closed, _stopping);
        _writer.Dispose();
        _snapshots?.Dispose();
        _calls.Close(_stopping);
        _digests.Close();
        _log.Close(_stopping);
        _watch.Fail(_stopping);
        _completions?.Drain();
        try
        {
            await _storage.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            try
            {
                // Behind a failure nothing more is written: what the log holds is found by the next start.
                if (_failure.Reason is null) _parts.Log.Close();
                else _parts.Log.Dispose();
            }
            finally
            {
                _parts.Directory.Dispose();
                _views.End();
            }
        }
    }
}
