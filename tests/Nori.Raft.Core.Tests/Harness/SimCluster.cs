using Nori.Core;

namespace Nori.Raft.Core.Tests.Harness;

/// <summary>
/// Replicas in virtual time from one seed: a lossy, reordering, partitioning network, disks that lose what
/// was not persisted, drifting clocks, pauses, crashes, changes of membership. A phase of faults, then a
/// phase in which all must come right.
/// </summary>
internal sealed class SimCluster
{
    private const long Millisecond = 1_000_000;
    private readonly Prng _random;
    private readonly SimProfile _profile;
    private readonly List<SimNode> _nodes = [];
    private readonly double[] _clockRates;
    private readonly long[] _pausedUntil;
    private readonly bool[] _persistScheduled;
    private readonly bool[] _pumpScheduled;
    private readonly bool[,] _blocked;
    private readonly long[,] _lastDelivery;
    private readonly PriorityQueue<Action, (long Time, ulong Order)> _events = new();
    private readonly ClusterChecker _checker;
    private long _now;
    private ulong _order;
    private ulong _payload;
    private ulong _context;
    private bool _isHealed;
    private bool _isQuiet;
    private ulong _trace = 17;

    public SimCluster(ulong seed)
    {
        _random = new Prng(seed);
        _profile = SimProfile.Draw(_random);
        int count = _profile.Voters + _profile.Spares;
        ReplicaId[] voters = Enumerable.Range(1, _profile.Voters).Select(i => new ReplicaId((ulong)i)).ToArray();
        _checker = new ClusterChecker(_nodes) { CountsCopies = !_profile.Damages };
        for (int i = 0; i < count; i++)
        {
            Configuration known = i < _profile.Voters ? new Configuration(voters) : Configuration.Empty;
            SimDisk disk = new() { BaseConfiguration = new ConfigurationEntry(default, known) };
            ulong optionSeed = _random.NextUInt64();
            _nodes.Add(new SimNode(new ReplicaId((ulong)i + 1), disk, (id, start) => Options(id, optionSeed + start), _checker));
        }

        _clockRates = _nodes.Select(_ => 0.96 + (_random.NextDouble() * 0.08)).ToArray();
        _pausedUntil = new long[count];
        (_persistScheduled, _pumpScheduled) = (new bool[count], new bool[count]);
        _blocked = new bool[count, count];
        _lastDelivery = new long[count, count];
    }

    public ClusterChecker Checker => _checker;

    public ulong Trace => _trace;

    public long Events { get; private set; }

    public string Story { get; private set; } = string.Empty;

    public SortedDictionary<RaftEventKind, int> Seen { get; } = [];

    private static RaftOptions Options(ReplicaId id, ulong seed) => new()
    {
        Group = new GroupId(7),
        Replica = id,
        Seed = seed,
        MessageBytesMax = 3 * SimNode.EntryBytes,
        InflightMessagesMax = 4,
        InflightBytesMax = 10 * SimNode.EntryBytes,
        UncommittedBytesMax = 60 * SimNode.EntryBytes,
        PendingReadsMax = 20,
        ReadRoundsMax = 2,
        PromotionLagMax = 5,
    };

    public void Run(long faultMilliseconds, long healMilliseconds)
    {
        foreach (SimNode node in _nodes)
        {
            node.Start();
            ScheduleTick(node);
        }

        Schedule(5, Work);
        if (_profile.Faults > 0) Schedule(500, Fault);
        RunUntil(faultMilliseconds * Millisecond);
        Heal();
        RunUntil((faultMilliseconds + healMilliseconds - 2500) * Millisecond);
        _isQuiet = true;
        RunUntil((faultMilliseconds + healMilliseconds) * Millisecond);
        CheckLiveness();
        _checker.CheckLogs();
    }

    private void RunUntil(long time)
    {
        while (_events.TryPeek(out _, out (long Time, ulong Order) next) && next.Time <= time)
        {
            Action action = _events.Dequeue();
            _now = next.Time;
            action();
            Events++;
            if (Events % 200 == 0) _checker.CheckLogs();
            foreach (SimNode node in _nodes) _checker.CheckLease(node, LocalNow(node));
        }

        _now = time;
    }

    private void Schedule(double delayMilliseconds, Action action) =>
        _events.Enqueue(action, (_now + (long)(delayMilliseconds * Millisecond), _order++));

    private int At(SimNode node) => (int)node.Id.Value - 1;

    private long LocalNow(SimNode node) => (long)(_now * _clockRates[At(node)]) + ((long)node.Id.Value * 1_000_000_007);

    private bool IsPaused(SimNode node) => _pausedUntil[At(node)] > _now;

    // Not at all when the process was restarted meanwhile.
    private void ScheduleOn(SimNode node, double delayMilliseconds, Action action)
    {
        RaftCore? core = node.Core;
        Schedule(delayMilliseconds, () => OnNode(node, core, action));
    }

    // Runs now, or when the process goes on after its pause.
    private void OnNode(SimNode node, RaftCore? core, Action action)
    {
        if (node.Core != core || core is null) return;
        if (IsPaused(node)) _events.Enqueue(() => OnNode(node, core, action), (_pausedUntil[At(node)], _order++));
        else action();
    }

    private void ScheduleTick(SimNode node)
    {
        RaftCore? core = node.Core;
        ScheduleOn(node, 50 / _clockRates[At(node)], () =>
        {
            core!.Tick();
            AfterInput(node);
            ScheduleTick(node);
        });
    }

    private void AfterInput(SimNode node)
    {
        if (node.Core is not { HasReady: true } || _pumpScheduled[At(node)]) return;
        if (_random.Chance(0.6))
        {
            Pump(node);
            return;
        }

        RaftCore core = node.Core;
        _pumpScheduled[At(node)] = true;
        ScheduleOn(node, _random.NextInt(1, 4), () =>
        {
            _pumpScheduled[At(node)] = false;
            if (core.HasReady) Pump(node);
        });
    }

    private void Pump(SimNode node)
    {
        Ready ready = node.Pump(LocalNow(node), Send);
        foreach (RaftEvent e in ready.Events)
        {
            Seen[e.Kind] = Seen.GetValueOrDefault(e.Kind) + 1;
            Note(node, e.ToString());
        }

        _trace = (_trace * 31) + ready.Number + (node.Id.Value << 40) + node.Core!.Commit.Value + (node.Core.Term.Value << 20);
        foreach (SnapshotRequest request in node.SnapshotRequests) SendSnapshot(node, request.Peer);
        node.SnapshotRequests.Clear();
        SchedulePersist(node);
    }

    private void SchedulePersist(SimNode node)
    {
        if (_persistScheduled[At(node)] || node.PendingWrites == 0) return;
        _persistScheduled[At(node)] = true;
        double delay = _random.NextDouble() * _profile.DiskMillisecondsMax;
        if (!_isHealed && _random.Chance(0.005)) delay += _random.NextInt(1500);
        ScheduleOn(node, delay, () =>
        {
            _persistScheduled[At(node)] = false;
            int writes = _random.NextInt(1, node.PendingWrites + 1);
            for (int i = 0; i < writes; i++) node.Persist(Send);
            AfterInput(node);
            SchedulePersist(node);
        });
    }

    private void Send(Packet packet)
    {
        int copies = _random.Chance(_isHealed ? 0 : _profile.Duplication) ? 2 : 1;
        for (int i = 0; i < copies; i++)
        {
            if (!_isHealed && _random.Chance(_profile.Loss)) continue;
            double delay = 0.2 + (_random.NextDouble() * (_isHealed ? 10 : _profile.DelayMillisecondsMax));
            if (!_isHealed && _random.Chance(0.01)) delay += _random.NextInt(2000);
            if (_isHealed) delay = InOrder(packet, delay);
            Schedule(delay, () => Deliver(packet));
        }
    }

    // A healthy network is a connection per pair.
    private double InOrder(Packet packet, double delayMilliseconds)
    {
        ref long last = ref _lastDelivery[packet.Message.From.Value - 1, packet.Message.To.Value - 1];
        last = Math.Max(last + 1, _now + (long)(delayMilliseconds * Millisecond));
        return (double)(last - _now) / Millisecond;
    }

    private void Deliver(Packet packet)
    {
        int to = (int)packet.Message.To.Value - 1, from = (int)packet.Message.From.Value - 1;
        if (_blocked[from, to] || !_nodes[to].IsUp) return;
        OnNode(_nodes[to], _nodes[to].Core, () =>
        {
            StepResult result = _nodes[to].Receive(packet);
            Assert.True(result is StepResult.Processed or StepResult.Ignored, $"{result}: {packet.Message}");
            AfterInput(_nodes[to]);
        });
    }

    private void SendSnapshot(SimNode node, ReplicaId peer)
    {
        RaftCore core = node.Core!;
        ScheduleOn(node, _random.NextInt(1, 60), () =>
        {
            Packet? packet = core.Role == RaftRole.Leader ? node.MakeSnapshot(peer) : null;
            bool arrives = packet is not null && (_isHealed || _random.Chance(0.8));
            if (arrives) Send(packet!);
            LogIndex index = packet?.Message.Snapshot!.Index ?? default;
            ScheduleOn(node, _random.NextInt(1, 60), () =>
            {
                core.ReportSnapshot(peer, index, arrives || _random.Chance(0.05));
                AfterInput(node);
            });
        });
    }

    private void Work()
    {
        if (_isQuiet) return;
        Schedule(1 + (_random.NextDouble() * 25), Work);
        SimNode node = _nodes[_random.NextInt(_nodes.Count)];
        SimNode? leader = _nodes.Find(n => n.Core?.Role == RaftRole.Leader && n.Core.Term == _nodes.Max(x => x.Core?.Term));
        if (leader is not null && _random.Chance(0.7)) node = leader;
        if (!node.IsUp || IsPaused(node)) return;
        RaftCore core = node.Core!;
        double dice = _random.NextDouble();
        if (dice < _profile.MembershipChanges && !_isHealed) ChangeMembership(node);
        else if (dice < 0.1 + _profile.Compactions && dice >= 0.1) node.Compact(core.BaseIndex + (ulong)_random.NextInt(1, 40));
        else if (dice is >= 0.2 and < 0.21 && !_isHealed) core.TransferLeadership(_nodes[_random.NextInt(_nodes.Count)].Id);
        else if (dice is >= 0.22 and < 0.222 && !_isHealed) core.Resign();
        else if (dice is >= 0.23 and < 0.26 && _profile.Hibernates) Hibernate(node);
        else if (dice is >= 0.26 and < 0.5) Read(node);
        else if (dice >= 0.5 && !(_profile.Hibernates && (_now / 700 / Millisecond) % 2 == 1))
            for (int i = _random.NextInt(1, 4); i > 0; i--) node.Propose(++_payload);
        AfterInput(node);
    }

    private void Read(SimNode node)
    {
        _checker.OnReadBegins(node, ++_context);
        if (node.Core!.TryReadIndex(_context) is ReadIndexStatus.NoLeader or ReadIndexStatus.Busy)
            _checker.OnReadRefused(node, _context);
    }

    // Nodes watch each other: a sleeper whose leader is down or out of reach is woken, if somewhat late.
    private void Hibernate(SimNode node)
    {
        if (node.Core!.Role == RaftRole.Leader) node.Core.TryHibernate([]);
        foreach (SimNode sleeper in _nodes)
        {
            if (sleeper.Core is not { Sleep: SleepState.Asleep, Role: RaftRole.Follower } core || IsPaused(sleeper)) continue;
            int leader = (int)core.Leader.Value - 1;
            bool isInDoubt = leader < 0 || !_nodes[leader].IsUp || IsPaused(_nodes[leader]) || _blocked[leader, At(sleeper)];
            if (isInDoubt || _random.Chance(0.1)) core.Wake(WakeReason.LeaderSilent);
            AfterInput(sleeper);
        }
    }

    private void ChangeMembership(SimNode node)
    {
        RaftCore core = node.Core!;
        List<ReplicaId> voters = [.. core.Configuration.Voters], learners = [.. core.Configuration.Learners];
        for (int changes = _random.NextInt(1, 3); changes > 0; changes--)
        {
            ReplicaId id = _nodes[_random.NextInt(_nodes.Count)].Id;
            if (voters.Remove(id))
            {
                if (_random.Chance(0.4)) learners.Add(id);
            }
            else if (learners.Remove(id))
            {
                if (_random.Chance(0.8)) voters.Add(id);
            }
            else
            {
                learners.Add(id);
            }
        }

        if (voters.Count == 0) return;
        LogIndex plannedAgainst = _random.Chance(0.95) ? core.ConfigurationIndex : core.LastIndex;
        ConfigurationResult result = core.TryProposeConfiguration(plannedAgainst, new ConfigurationTarget(voters, learners));
        if (result.IsAccepted) Note(node, $"configuration {core.Configuration} at {result.Index}");
    }

    private void Fault()
    {
        if (_isHealed) return;
        Schedule(_random.NextInt(20, 900), Fault);
        SimNode node = _nodes[_random.NextInt(_nodes.Count)];
        switch (_random.NextInt(7))
        {
            case 0 or 1 when node.IsUp:
                Crash(node);
                Schedule(_random.NextInt(1, 1500), () => Restart(node));
                break;
            case 2:
                _pausedUntil[At(node)] = _now + (_random.NextInt(1, 2500) * Millisecond);
                Note(node, "pause");
                break;
            case 3:
                Partition();
                break;
            case 4:
                _blocked[_random.NextInt(_nodes.Count), _random.NextInt(_nodes.Count)] = true;
                break;
            default:
                Array.Clear(_blocked);
                break;
        }
    }

    private void Partition()
    {
        bool[] side = _nodes.Select(_ => _random.Chance(0.5)).ToArray();
        for (int a = 0; a < side.Length; a++)
            for (int b = 0; b < side.Length; b++) _blocked[a, b] = side[a] != side[b];
        Note(null, $"partition {string.Concat(side.Select(s => s ? 'x' : 'o'))}");
    }

    private void Crash(SimNode node)
    {
        Note(node, "crash");
        node.Crash(_random.NextInt(node.PendingWrites + 1));
        _checker.OnCrash(node);
        _persistScheduled[At(node)] = _pumpScheduled[At(node)] = false;
        SimDisk disk = node.Disk;
        if (!_profile.Damages || disk.Entries.Count == 0 || _nodes.Exists(n => n.Disk.IsDamaged) || _random.Chance(0.5)) return;
        node.Damage(new LogIndex(disk.LastIndex.Value - (ulong)_random.NextInt(Math.Min(disk.Entries.Count, 10))));
        Note(node, $"damage from {disk.LastIndex.Next}");
    }

    private void Restart(SimNode node)
    {
        if (node.IsUp) return;
        Note(node, "start");
        node.Start();
        AfterInput(node);
        ScheduleTick(node);
        foreach (SimNode other in _nodes)
            if (other.Core?.Leader == node.Id && !IsPaused(other)) other.Core.Wake(WakeReason.LeaderRestarted);
    }

    private void Heal()
    {
        Note(null, "heal");
        _isHealed = true;
        Array.Clear(_blocked);
        Array.Clear(_pausedUntil);
        foreach (SimNode node in _nodes) Restart(node);
    }

    private void CheckLiveness()
    {
        foreach (SimNode node in _nodes) Note(node, Describe(node.Core!));
        SimNode? leader = _nodes.Where(n => n.Core!.Role == RaftRole.Leader).MaxBy(n => n.Core!.Term);
        Assert.True(leader is not null, "no leader although all is well again");
        RaftCore core = leader.Core!;
        Assert.True(core.Commit == core.LastIndex, "the leader does not commit");
        Assert.False(core.Configuration.IsJoint, "a joint configuration was never left");
        foreach (ReplicaId id in core.Configuration.Members)
        {
            SimNode member = _nodes[(int)id.Value - 1];
            Assert.True(member.Applied == leader.Applied, $"replica {id} applied {member.Applied}, not {leader.Applied}");
            Assert.False(member.Core!.IsDamaged, $"replica {id} did not heal");
        }
    }

    private static string Describe(RaftCore core) =>
        $"{core.Role} t{core.Term} base {core.BaseIndex} commit {core.Commit} durable {core.DurableIndex} last {core.LastIndex}"
        + $"@{core.LastTerm} {core.Sleep} leader {core.Leader} {core.Configuration}@{core.ConfigurationIndex}"
        + string.Concat(core.Peers.Select(p => $"\n      {p.Id}: {p.State} match {p.Match} next {p.Next} "
            + $"inflight {p.Inflight.Count} paused {p.IsPaused} active {p.RecentlyActive}"));

    private void Note(SimNode? node, string what) =>
        Story += $"{_now / Millisecond,6} ms  {(node is null ? "-" : node.Id.ToString())}  {what}\n";
}
