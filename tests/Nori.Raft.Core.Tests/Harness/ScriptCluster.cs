using System.Text;

namespace Nori.Raft.Core.Tests.Harness;

/// <summary>
/// A group in which nothing happens by itself: each tick, delivery and write is asked for. Tells all that it
/// does as text. The safety checks of <see cref="ClusterChecker"/> run along.
/// </summary>
internal sealed class ScriptCluster
{
    private readonly List<SimNode> _nodes = [];
    private readonly List<Packet> _network = [];
    private readonly HashSet<(ulong From, ulong To)> _cut = [];
    private readonly HashSet<ulong> _slowDisks = [];
    private readonly StringBuilder _text = new();
    private readonly Func<RaftOptions, RaftOptions> _adjust;
    private ulong _payload;
    private ulong _context;

    public ScriptCluster(int voters, int spares = 0, Func<RaftOptions, RaftOptions>? adjust = null, bool isWarm = true)
    {
        _adjust = adjust ?? (o => o);
        Checker = new ClusterChecker(_nodes);
        Configuration first = new(Enumerable.Range(1, voters).Select(i => new ReplicaId((ulong)i)));
        for (int i = 1; i <= voters + spares; i++)
        {
            SimDisk disk = new() { BaseConfiguration = new(default, i <= voters ? first : Configuration.Empty) };
            SimNode node = new(new ReplicaId((ulong)i), disk, Options, Checker);
            _nodes.Add(node);
            node.Start();
        }

        if (isWarm) Warm();
    }

    public ClusterChecker Checker { get; }

    public IReadOnlyList<Packet> Network => _network;

    public List<ReadState> Reads { get; } = [];

    public List<RaftEvent> Events { get; } = [];

    // The clock of everybody; a tick of anybody moves it by a tick's length over the number of replicas.
    public long Now { get; set; }

    public RaftCore this[int id] => _nodes[id - 1].Core!;

    public string TakeText()
    {
        string text = _text.ToString();
        _text.Clear();
        return text;
    }

    public SimNode Node(int id) => _nodes[id - 1];

    private RaftOptions Options(ReplicaId id, ulong start) => _adjust(new RaftOptions
    {
        Group = new GroupId(1), Replica = id, Seed = (id.Value * 100) + start, ElectionTicksMin = 10, ElectionTicksMax = 20,
        HeartbeatTicks = 2, PromotionLagMax = 3,
    });

    // Over with the silence after the start, without an election: the least timeout passes for all, nobody's
    // greatest does.
    public void Warm()
    {
        foreach (SimNode node in _nodes)
        {
            node.Core!.IsEligible = false;
            for (int i = 0; i < 10; i++) node.Core.Tick();
            node.Core.IsEligible = true;
        }
    }

    public void Tick(int id, int times = 1)
    {
        for (int i = 0; i < times; i++)
        {
            Now += 50_000_000;
            this[id].Tick();
            Pump();
        }
    }

    /// <summary>Lets everybody's clock run, with all that follows.</summary>
    public void Run(int ticks)
    {
        for (int i = 0; i < ticks; i++)
        {
            Now += 50_000_000;
            foreach (SimNode node in _nodes) node.Core?.Tick();
            Deliver();
        }
    }

    /// <summary>
    /// Ticks one replica until it stands for election, then delivers until all is quiet. The others are told
    /// that whoever led is gone, else they would be loyal: their clocks stand still.
    /// </summary>
    public void Elect(int id)
    {
        Stand(id);
        Assert.Equal(RaftRole.Leader, this[id].Role);
    }

    public void Stand(int id)
    {
        foreach (SimNode other in _nodes)
            if (other.Id.Value != (ulong)id) other.Core?.Wake(WakeReason.LeaderRestarted);
        for (int i = 0; i < 60 && this[id].Role == RaftRole.Follower; i++) Tick(id);
        Deliver();
    }

    public ProposeResult Propose(int id, int count = 1)
    {
        ProposeResult result = default;
        for (int i = 0; i < count; i++) result = Node(id).Propose(++_payload);
        Pump();
        return result;
    }

    public ConfigurationResult Configure(int id, ulong[] voters, ulong[]? learners = null)
    {
        ConfigurationResult result = this[id].TryProposeConfiguration(
            this[id].ConfigurationIndex,
            new ConfigurationTarget(
                voters.Select(v => new ReplicaId(v)).ToArray(), (learners ?? []).Select(v => new ReplicaId(v)).ToArray()));
        Pump();
        return result;
    }

    public ReadIndexStatus Read(int id, bool pump = true)
    {
        Checker.OnReadBegins(Node(id), ++_context);
        ReadIndexStatus status = this[id].TryReadIndex(_context);
        if (status is ReadIndexStatus.NoLeader or ReadIndexStatus.Busy) Checker.OnReadRefused(Node(id), _context);
        if (pump) Pump();
        return status;
    }

    /// <summary>Delivers what is under way and all that follows from it.</summary>
    public void Deliver()
    {
        Pump();
        for (int round = 0; _network.Count > 0; round++)
        {
            Assert.True(round < 1000, "messages without end");
            DeliverOnce();
        }

        Checker.CheckLogs();
    }

    /// <summary>Delivers what is under way now, in order.</summary>
    public void DeliverOnce(Func<RaftMessage, bool>? only = null)
    {
        Packet[] packets = _network.Where(p => only is null || only(p.Message)).ToArray();
        _network.RemoveAll(packets.Contains);
        foreach (Packet packet in packets)
        {
            if (!Receive(packet)) continue;
            Pump();
        }
    }

    public int Drop(Func<RaftMessage, bool> which) => _network.RemoveAll(p => which(p.Message));

    /// <summary>Gives a message to its receiver, whatever the network says.</summary>
    public bool Receive(Packet packet)
    {
        SimNode to = Node((int)packet.Message.To.Value);
        bool isLost = _cut.Contains((packet.Message.From.Value, packet.Message.To.Value)) || !to.IsUp;
        if (isLost)
        {
            Say($"  lost {packet.Message}");
            return false;
        }

        StepResult result = to.Receive(packet);
        Say($"  {packet.Message}{(result == StepResult.Processed ? string.Empty : $" ({result})")}");
        return true;
    }

    public void Cut(ulong a, ulong b, bool bothWays = true)
    {
        _cut.Add((a, b));
        if (bothWays) _cut.Add((b, a));
    }

    public void Isolate(ulong id)
    {
        foreach (SimNode other in _nodes)
            if (other.Id.Value != id) Cut(id, other.Id.Value);
    }

    public void Heal() => _cut.Clear();

    public void Crash(int id)
    {
        Node(id).Crash();
        Checker.OnCrash(Node(id));
    }

    public void Start(int id)
    {
        Node(id).Start();
        Pump();
    }

    public void SlowDisk(int id) => _slowDisks.Add((ulong)id);

    public void FastDisk(int id)
    {
        _slowDisks.Remove((ulong)id);
        Pump();
    }

    public void SendSnapshot(int from, int to)
    {
        Packet packet = Node(from).MakeSnapshot(new ReplicaId((ulong)to))!;
        bool delivered = Receive(packet);
        Pump();
        this[from].ReportSnapshot(new ReplicaId((ulong)to), packet.Message.Snapshot!.Index, delivered);
        Pump();
    }

    /// <summary>Takes and does every Ready, and every write of a disk that is not slow.</summary>
    public void Pump()
    {
        bool goesOn = true;
        while (goesOn)
        {
            goesOn = false;
            foreach (SimNode node in _nodes)
            {
                if (node.Core is { HasReady: true })
                {
                    Tell(node, node.Pump(Now, _network.Add));
                    goesOn = true;
                }

                if (node.IsUp && node.PendingWrites > 0 && !_slowDisks.Contains(node.Id.Value))
                {
                    node.Persist(_network.Add);
                    goesOn = true;
                }
            }
        }
    }

    public void State()
    {
        foreach (SimNode node in _nodes)
        {
            if (node.Core is not { } core)
            {
                Say($"  {node.Id}: down");
                continue;
            }

            string log = core.BaseIndex.Value == 0 ? string.Empty : $" base {core.BaseIndex}";
            Say($"  {node.Id}: {core.Role} t{core.Term} vote {core.Vote} leader {core.Leader}{log} last {core.LastIndex}"
                + $"@{core.LastTerm} durable {core.DurableIndex} commit {core.Commit} {core.Sleep} {core.Configuration}"
                + $"@{core.ConfigurationIndex}");
            foreach (Progress peer in core.Peers)
                Say($"     {peer.Id}: {peer.State} match {peer.Match} next {peer.Next}");
        }
    }

    public void Say(string line) => _text.Append(line).Append('\n');

    private void Tell(SimNode node, Ready ready)
    {
        Reads.AddRange(ready.ReadStates);
        Events.AddRange(ready.Events);
        StringBuilder text = new();
        if (ready.HardState is { } hard) text.Append($" hard t{hard.Term} vote {hard.Vote} commit {hard.Commit};");
        if (ready.Snapshot is { } snapshot) text.Append($" {snapshot};");
        if (!ready.Entries.IsEmpty) text.Append($" entries {ready.Entries};");
        if (ready.HasCommitted) text.Append($" apply {ready.Committed.First}-{ready.Committed.Last};");
        foreach (ReadState read in ready.ReadStates) text.Append(read.IsAborted ? " read aborted;" : $" read at {read.Index};");
        foreach (SnapshotRequest request in ready.SnapshotRequests)
            text.Append($" {request.Peer} needs a snapshot from {request.AtLeast};");
        foreach (RaftEvent e in ready.Events)
        {
            text.Append($" {e.Kind}");
            if (!e.Replica.IsNone) text.Append($" {e.Replica}");
            if (e.Index.Value != 0) text.Append($" at {e.Index}");
            text.Append(';');
        }

        if (ready.MustSync) text.Append(" sync");
        if (text.Length > 0) Say($"  {node.Id} ready:{text}");
    }
}
