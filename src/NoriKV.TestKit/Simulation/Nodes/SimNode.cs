using Nori.Core;
using Nori.IO;
using Nori.Observe;
using NoriKV.Node;
using NoriKV.TestKit.Simulation.Checks;
using NoriKV.TestKit.Simulation.Disks;
using NoriKV.TestKit.Simulation.Network;
using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Nodes;

/// <summary>
/// A machine with a disk, clocks and a process: the production node, stepped in an order that the seed draws. It starts,
/// crashes, stands still and is restarted by whoever watches over processes when its store has failed.
/// </summary>
internal sealed class SimNode
{
    private const string Data = "/data";
    private const int RottenFailuresMax = 5;
    private const long RestartAfterFailure = 500 * Ticks.Millisecond;

    private readonly SimWorld _world;
    private readonly Prng _random;
    private readonly IReadOnlyList<SimNode> _cluster;
    private readonly double _clockRate;
    private readonly long _syncMax;
    private readonly Queue<Action> _inbox = new();
    private readonly SortedSet<string> _stalled = new(StringComparer.Ordinal);
    private NodeSteps? _steps;
    private long _wakeAt = long.MaxValue;
    private int _wake;
    private long _standsUntil;
    private bool _explained;
    private bool _isRotUnseen;
    private int _rottenFailures;

    public SimNode(SimWorld world, int place, IReadOnlyList<SimNode> cluster)
    {
        _cluster = cluster;
        _world = world;
        _random = world.Random.Fork();
        Place = place;
        Number = new NodeNumber((ulong)place + 1);
        Name = $"n{place + 1}";
        _clockRate = 1 + (((_random.NextDouble() * 2) - 1) * world.Profile.DriftMax);
        _syncMax = DrawSyncMax(_random);
        Disk = new SimDisk(_random.NextUInt64(), files => world.Options.WrapFileSystem?.Invoke(Name, files) ?? files);
    }

    /// <summary>Its number in the network, from 0.</summary>
    public int Place { get; }

    public string Name { get; }

    public SimDisk Disk { get; }

    public NodeState State { get; private set; }

    /// <summary>How often it was started.</summary>
    public int Boots { get; private set; }

    /// <summary>Its number in the cluster; the meta leader gives another one to a machine that joins.</summary>
    public NodeNumber Number { get; set; }

    /// <summary>False for a machine that is no part of the cluster, or none any more: nobody starts it.</summary>
    public bool IsInUse { get; set; } = true;

    /// <summary>True where somebody starts it again when it is down.</summary>
    public bool MayStart => IsInUse && !IsLost;

    /// <summary>What a scenario wants otherwise.</summary>
    public Func<NodeOptions, NodeOptions>? Configure { get; set; }

    /// <summary>Its peer streams; null while it is down.</summary>
    public SimTransport? Transport { get; private set; }

    /// <summary>The process; null while it is down.</summary>
    public NoriNode? Node { get; private set; }

    /// <summary>How checkers look into it; null while it is down.</summary>
    public IReplicaProbe? Probe { get; private set; }

    /// <summary>What clients talk to.</summary>
    public INoriNode? Port { get; private set; }

    public SimClock? Clock { get; private set; }

    /// <summary>By how much its wall clock is wrong, in ticks.</summary>
    public long WallOffset { get; private set; }

    /// <summary>How much later each step comes, in ticks.</summary>
    public long Slowness { get; set; }

    /// <summary>Calls of clients that it has not answered.</summary>
    public int CallsOpen { get; set; }

    /// <summary>True once it does not start any more because of what rotted.</summary>
    public bool IsLost { get; private set; }

    /// <summary>True once a bit of its files flipped: what it has may be damaged from then on, and it may not start again.</summary>
    public bool IsRotten { get; private set; }

    /// <summary>True once the bit was one of its engine's files.</summary>
    public bool IsEngineRotten { get; private set; }

    /// <summary>True while a failure of its store has a reason that we gave it.</summary>
    public bool IsExcused => _explained;

    /// <summary>Flips a bit of a file of a node that is down. Null where there was no such file.</summary>
    public string? Rot(Prng random)
    {
        Invariant.Assert(State == NodeState.Down);
        // What is claimed is claimed of one damage at a time: another comes when the node has looked at its files.
        if (_isRotUnseen) return null;
        bool isWide = random.Chance(0.25);
        string? place = isWide ? Disk.RotWide(random, "/data/log") : Disk.Rot(random, static f =>
            f.StartsWith("/data/log/", StringComparison.Ordinal) || f.StartsWith("/data/engine/", StringComparison.Ordinal));
        if (place is null) return null;
        _isRotUnseen = IsRotten = true;
        IsEngineRotten |= !place.StartsWith("/data/log/", StringComparison.Ordinal);
        _world.Probes.Hit(isWide ? "rot.wide" : IsEngineRotten ? "rot.engine" : "rot.log");
        return isWide ? $"several sectors of {place}" : $"a bit of {place}";
    }

    /// <summary>From now on, in this boot, a failure of its store is no violation.</summary>
    public void Excuse() => _explained = true;

    /// <summary>Starts the process. The node must start without waiting for anything.</summary>
    public void Start()
    {
        Invariant.Assert(State == NodeState.Down);
        // It lost power inside a step and is started before anybody noticed.
        if (Disk.HasCrashed) Crash(CrashMode.PowerLoss, "inside a step");
        Boots++;
        _explained = false;
        if (Boots > 1) _world.Probes.Hit("node.restarted");
        double wallRate = _world.Profile.HasTimeService ? 1 : _clockRate;
        Clock = new SimClock(_world.Events, SimWorld.Epoch, _clockRate, wallRate, _random.NextLong(Ticks.Second * 1000))
        {
            WallOffset = WallOffset,
        };
        State = NodeState.Up;
        Transport = new SimTransport(_world, this, _cluster);
        try
        {
            ValueTask<NoriNode> start = NoriNode.StartAsync(OptionsOf());
            if (!start.IsCompleted)
            {
                _world.Violate("one_thread", $"{Name} did not start within its call: a port waited");
                return;
            }

            Node = start.GetAwaiter().GetResult();
            if (State != NodeState.Up) return;
            Port = _world.Options.WrapNode?.Invoke(Node) ?? Node;
            Probe = new NodeProbe(Node);
            _steps = new NodeSteps(Node, _syncMax);
            _isRotUnseen = false;
            _world.Trace.Tell(Name, $"started, boot {Boots}");
            Wake(0);
        }
        catch (Exception e) when (e is not InvariantException || Disk.HasCrashed)
        {
            if (State != NodeState.Up) return;
            FailStart(e);
        }
    }

    /// <summary>The process is gone and its disk is as that left it.</summary>
    public void Crash(CrashMode mode, string why)
    {
        if (State == NodeState.Down && !Disk.HasCrashed) return;
        // It may have written stamps of the time at which it would have gone on.
        if (Clock is { StandsFor: > 0 and var rest }) _world.NoteJump(rest);
        _world.Trace.Tell(Name, $"crashed ({mode}): {why}");
        Leave();
        Disk.Crash(_random.NextUInt64(), mode);
    }

    /// <summary>Loses power before the n-th change of its disk from now.</summary>
    public void CrashInside(long calls, CrashMode mode, Action crashed) =>
        Disk.CrashAtCall(calls, _random.NextUInt64(), mode, () =>
        {
            _world.Trace.Tell(Name, $"loses power inside a step ({mode})");
            State = NodeState.Down;
            crashed();
        });

    /// <summary>Stops in order. The time it waits for passes on its own clock only.</summary>
    public void Stop()
    {
        if (State != NodeState.Up || Node is null) return;
        _world.Trace.Tell(Name, "stops");
        StayAwake();
        Clock!.Creep = Ticks.Millisecond;
        ValueTask stop = Node.StopAsync(TimeSpan.FromSeconds(1));
        if (!stop.IsCompleted) _world.Violate("one_thread", $"{Name} did not stop within its call: a port waited");
        else Settle(stop);
        if (State != NodeState.Up) return;
        Leave();
        Disk.Crash(_random.NextUInt64(), CrashMode.ProcessOnly);
    }

    /// <summary>Stands still; nothing is lost.</summary>
    public void Pause()
    {
        if (State == NodeState.Up) State = NodeState.Paused;
    }

    /// <summary>
    /// Stands still for so long in the middle of what it does at the n-th look at its clocks from now: between two steps of a turn, or
    /// within one. What it does behind that leaves it when it goes on, and its clocks say that time.
    /// </summary>
    public void PauseInside(long looks, long length)
    {
        if (State != NodeState.Up || Clock is not { } clock) return;
        clock.StandStill(looks, length, () =>
        {
            if (Clock != clock || State == NodeState.Down) return;
            _world.Probes.Hit("pause.inside");
            _world.Trace.Tell(Name, $"stands still inside a step for {Ticks.Text(length)} s");
            _standsUntil = _world.Events.Now + length;
            State = NodeState.Paused;
            _world.Events.At(_standsUntil, Resume);
        });
    }

    /// <summary>Something leaves it: now, or when it goes on, where it stands still in the middle of saying it.</summary>
    public void Depart(Action send)
    {
        if (Clock is not { StandsFor: > 0 and var rest })
        {
            send();
            return;
        }

        int boot = Boots;
        _world.Events.After(rest, () =>
        {
            if (Boots == boot && State != NodeState.Down) send();
        });
    }

    /// <summary>Goes on with what has arrived meanwhile.</summary>
    public void Resume()
    {
        if (State != NodeState.Paused || _world.Events.Now < _standsUntil) return;
        State = NodeState.Up;
        Wake(0);
    }

    /// <summary>Does not run a step until it is released.</summary>
    public void Stall(string step) => _stalled.Add(step);

    public void Release(string step)
    {
        _stalled.Remove(step);
        Wake(0);
    }

    /// <summary>The names of its steps.</summary>
    public IReadOnlyList<string> StepNames => _steps?.Names ?? [];

    public void JumpClock(long ticks)
    {
        WallOffset = Math.Clamp(WallOffset + ticks, -_world.Profile.JumpMax, _world.Profile.JumpMax);
        _world.NoteJump(WallOffset);
        if (Clock is { } clock) clock.WallOffset = WallOffset;
    }

    /// <summary>Does not stand still any more, but for as long as it does already.</summary>
    public void StayAwake() => Clock?.StandStill(0, 0, static () => { });

    public void ResetClock()
    {
        WallOffset = 0;
        if (Clock is { } clock) clock.WallOffset = 0;
    }

    /// <summary>Something arrives from the network: now, after the pause, or never.</summary>
    public void Arrive(Action action)
    {
        _world.AssertThread();
        if (State == NodeState.Down || Node is null) return;
        if (State == NodeState.Paused || Slowness > 0) _inbox.Enqueue(action);
        else action();
        // Most frames say only that a peer is there.
        if (_inbox.Count > 0 || _steps is not { IsWoken: false }) Wake(_random.NextLong(100 * Ticks.Microsecond));
    }

    /// <summary>Its next step comes after so long, or earlier.</summary>
    public void Wake(long after)
    {
        long at = _world.Events.Now + after + Slowness;
        if (State != NodeState.Up || at >= _wakeAt) return;
        _wakeAt = at;
        _world.Events.At(at, static (node, wake) => ((SimNode)node).StepIf(wake), this, ++_wake);
    }

    // Not where an earlier wake came in between.
    private void StepIf(int wake)
    {
        if (wake == _wake) Step();
    }

    private void Step()
    {
        _wakeAt = long.MaxValue;
        if (State != NodeState.Up || Node is null) return;
        _world.AssertThread();
        while (_inbox.TryDequeue(out Action? arrived)) arrived();
        bool worked = RunSteps(_steps!);
        if (State != NodeState.Up) return;
        if (Node.NotReadyReason is { } reason)
        {
            Fail(reason);
            return;
        }

        if (worked) Wake(_random.NextLong(200 * Ticks.Microsecond));
        else Wake(Math.Max(Ticks.Microsecond, _steps!.NextAt - _world.Events.Now));
    }

    /// <summary>A step must not throw, unless the power went in the middle of it.</summary>
    private bool RunSteps(NodeSteps steps)
    {
        try
        {
            return steps.RunOnce(_random, _stalled, _world.Events.Now);
        }
#pragma warning disable CA1031 // Whatever comes out of a step is a finding of the run.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (State == NodeState.Down) return false;
            // With loops the thread of the step would end, and the node with it.
            if (_explained || IsRotten) Fail(e.Message);
            else _world.Violate("no_crash", $"{Name}: a step threw {e}");
            return false;
        }
    }

    private void Settle(ValueTask stop)
    {
        try
        {
            stop.GetAwaiter().GetResult();
        }
#pragma warning disable CA1031 // As above.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (State == NodeState.Up && !_explained && !IsRotten) _world.Violate("no_crash", $"{Name}: stopping threw {e}");
        }
    }

    private void Fail(string reason)
    {
        _world.Probes.Hit("node.failed");
        if (!_explained && !IsRotten) _world.Violate("no_crash", $"{Name} failed without a fault of its disk: {reason}");
        _world.Trace.Tell(Name, $"failed: {reason}");
        Crash(_random.Chance(0.5) ? CrashMode.ProcessOnly : CrashMode.PowerLoss, "its store failed");
        if (IsRotten && ++_rottenFailures >= RottenFailuresMax) IsLost = true;
        else RestartLater();
    }

    private void FailStart(Exception e)
    {
        _world.Probes.Hit("node.start_failed");
        bool isFull = Disk.IsLimited && e is StorageException { IsDiskFull: true };
        if (!_explained && !isFull && !IsRotten) _world.Violate("no_crash", $"{Name} does not start: {e}");
        _world.Trace.Tell(Name, $"does not start: {e.Message}");
        Crash(CrashMode.ProcessOnly, "it did not start");
        // It needs a new disk and a new replica, which is an operator's work: the others go on without it.
        if (IsRotten && e is CorruptionException) IsLost = true;
        else RestartLater();
    }

    private void RestartLater() => _world.Events.After(RestartAfterFailure, () =>
    {
        if (State == NodeState.Down && MayStart) Start();
    });

    private void Leave()
    {
        State = NodeState.Down;
        Node = null;
        Port = null;
        Probe = null;
        Transport = null;
        _steps = null;
        Clock = null;
        CallsOpen = 0;
        _standsUntil = 0;
        Slowness = 0;
        _inbox.Clear();
        _stalled.Clear();
        _wakeAt = long.MaxValue;
        _wake++;
    }

    // What a sync of its log takes at most: one machine's disk may be slow where the others' are quick.
    private static long DrawSyncMax(Prng random) => Ticks.Millisecond * (random.NextInt(6) switch
    {
        0 => 100,
        1 or 2 => 10,
        _ => 1,
    });

    private NodeOptions OptionsOf() => Configure is { } configure ? configure(FixedOptions()) : FixedOptions();

    private NodeOptions FixedOptions() => new()
    {
        NodeName = Name,
        DataDirectory = Data,
        FileSystem = Disk.Port,
        TotalShards = _world.Options.Shards,
        Time = Clock!,
        Seed = _random.NextUInt64() | 1,
        RunLoops = false,
        LogSegmentBytes = _world.Profile.LogSegmentBytes,
        LogEarlyFlushSegments = 3,
        MemtableBytes = _world.Profile.MemtableBytes,
        Consistency = new NoriKV.Node.Comparing.ConsistencyOptions { Interval = 20 * LookPeriod },
        BlockCacheBytes = 1 << 20,
        DiskReserveBytes = 64 << 10,
        Events = _world.Lines is { } lines ? new TeeEventSink(_world.Probes, lines.Of(Name)) : _world.Probes,
        Meter = _world.Meter,
        Plan = _cluster.Count == 1 || Configure is not null ? null : ClusterShape.PlanOf(Number, _cluster.Count),
        Transport = _cluster.Count == 1 ? null : Transport,
        // The codec of the system differs from machine to machine; a trace must not.
        ConfigureEngine = engine => engine with
        {
            Compression = Nori.Compression.CompressionType.None,
            L0CompactionTrigger = 3,
            BaseLevelBytes = 1 << 19,
            TargetFileBytes = 1 << 16,
            ManifestBytesMax = 1 << 15,
            ScrubInterval = 15 * LookPeriod,
        },
    };

    // What goes round in the background comes round in a run of half a minute; in a long one groups must find sleep besides.
    private TimeSpan LookPeriod => TimeSpan.FromSeconds(Math.Max(1, _world.Profile.Safety / (160 * Ticks.Second)));
}
