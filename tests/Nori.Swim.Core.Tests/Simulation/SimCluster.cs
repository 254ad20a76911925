using Nori.Core;

namespace Nori.Swim.Core.Tests.Simulation;

/// <summary>Many cores in one thread, virtual time and a seeded network; equal seeds give equal traces.</summary>
internal sealed class SimCluster
{
    private readonly PriorityQueue<Action, (long At, long Order)> _queue = new();
    private readonly Dictionary<string, SimNode> _byAddress = new(StringComparer.Ordinal);
    private readonly SwimConfig _config;
    private readonly Prng _prng;
    private long _order;

    public SimCluster(int count, ulong seed, SwimConfig config)
    {
        (_config, _prng) = (config with { Names = new SharedNames() }, new Prng(seed));
        for (int i = 0; i < count; i++) Add($"n{i:0000}");
    }

    /// <summary>Chance that a datagram is lost.</summary>
    public double Loss { get; set; }

    /// <summary>Chance that a datagram comes twice.</summary>
    public double Duplication { get; set; }

    /// <summary>Chance that a byte of a datagram is flipped.</summary>
    public double Corruption { get; set; }

    /// <summary>One-way delays are uniform between these.</summary>
    public long DelayMin { get; set; } = 200;

    public long DelayMax { get; set; } = 2_000;

    /// <summary>False where a datagram or stream from the first to the second does not get through.</summary>
    public Func<SimNode, SimNode, bool> Reaches { get; set; } = static (_, _) => true;

    /// <summary>The same for datagrams alone, as a firewall for UDP would.</summary>
    public Func<SimNode, SimNode, bool> DatagramReaches { get; set; } = static (_, _) => true;

    /// <summary>False where streams alone are refused.</summary>
    public Func<SimNode, SimNode, bool> StreamReaches { get; set; } = static (_, _) => true;

    /// <summary>Chance that a datagram waits up to five seconds on its way.</summary>
    public double SlowTail { get; set; }

    /// <summary>After a pause timers fire before what waited is read, as in a driver that does not care.</summary>
    public bool TimersFirst { get; set; }

    public long Now { get; private set; }

    public List<SimNode> Nodes { get; } = [];

    public long Datagrams { get; private set; }

    public long Bytes { get; private set; }

    public Action<string>? Trace { get; set; }

    public SimNode Add(string id, string? address = null, ulong incarnation = 0)
    {
        address ??= "sim:" + (Nodes.Count + 1);
        SwimCore core = new(_config, new MemberId(id), address, [], incarnation, _prng.NextUInt64(), Now);
        SimNode node = new(id, address, core);
        Nodes.Add(node);
        _byAddress[address] = node;
        Schedule(node);
        return node;
    }

    /// <summary>Makes everyone know everyone, without the traffic of joining.</summary>
    public void Introduce()
    {
        SimNode first = Nodes[0];
        foreach (SimNode node in Nodes.Skip(1)) Meet(node, first);
        foreach (SimNode node in Nodes.Skip(1).SkipLast(1)) Meet(node, first);
        foreach (SimNode node in Nodes)
        {
            node.Core.DropQueue();
            node.Core.Ready.Clear();
            node.Events.Clear();
        }
    }

    public void Join(SimNode node, SimNode seed)
    {
        node.Core.Join(Now, seed.Address);
        Act(node);
    }

    public void RunFor(long ticks) => RunUntil(static () => false, ticks);

    /// <summary>Runs until the condition holds (asked each <paramref name="step"/>) or the time is over.</summary>
    public bool RunUntil(Func<bool> holds, long ticks, long step = 50_000)
    {
        long end = Now + ticks;
        for (long next = Now + step; ; next += step)
        {
            long until = Math.Min(next, end);
            while (_queue.TryPeek(out _, out (long At, long Order) due) && due.At <= until)
            {
                Action action = _queue.Dequeue();
                Now = Math.Max(Now, due.At);
                action();
            }

            Now = until;
            if (holds()) return true;
            if (Now >= end) return false;
        }
    }

    /// <summary>Crashes: nothing in, nothing out.</summary>
    public static void Kill(SimNode node) => node.IsDead = true;

    /// <summary>Stands still for a while, as under SIGSTOP; what arrives waits.</summary>
    public void Pause(SimNode node, long ticks)
    {
        node.PausedUntil = Math.Max(node.PausedUntil, Now + ticks);
        At(node.PausedUntil, () => Resume(node));
    }

    public void At(long time, Action action) => _queue.Enqueue(action, (time, ++_order));

    public void Leave(SimNode node)
    {
        node.Core.Leave(Now);
        Act(node);
    }

    /// <summary>True when every live node sees exactly the live ones as alive.</summary>
    public bool IsConverged()
    {
        int live = Nodes.Count(n => !n.IsDead);
        return Nodes.Where(n => !n.IsDead).All(n =>
            n.Core.CountOf(MemberState.Alive) == live && n.Core.CountOf(MemberState.Suspect) == 0);
    }

    private void Meet(SimNode node, SimNode seed)
    {
        node.Core.Join(Now, seed.Address);
        StreamRequest request = node.Core.Ready.Streams[^1];
        byte[] reply = seed.Core.OnStreamRequest(Now, request.Payload.Span)!;
        node.Core.OnStreamReply(Now, request.Number, reply);
        node.Core.Ready.Clear();
        seed.Core.Ready.Clear();
    }

    private void Schedule(SimNode node)
    {
        long deadline = Math.Max(Now, node.Core.NextDeadline);
        if (node.ScheduledAt == deadline) return;
        node.ScheduledAt = deadline;
        At(deadline, () =>
        {
            if (node.ScheduledAt != deadline || node.IsDead || node.PausedUntil > Now) return;
            node.ScheduledAt = -1;
            node.Core.Tick(Now);
            Act(node);
        });
    }

    private void Act(SimNode node)
    {
        SwimReady ready = node.Core.Ready;
        foreach (OutgoingDatagram datagram in ready.Datagrams) Send(node, datagram);
        foreach (StreamRequest request in ready.Streams) Exchange(node, request);
        foreach (SwimEvent e in ready.Events)
        {
            node.Events.Add((Now, e));
            Trace?.Invoke($"{Now / 1000,7} {node.Id} {e.Kind} {e.Member.Id} i{e.Member.Incarnation}");
        }

        node.Joins.AddRange(ready.Joins);
        ready.Clear();
        Schedule(node);
    }

    private void Send(SimNode from, OutgoingDatagram datagram)
    {
        node_sent(from, datagram.Payload.Length);
        if (!_byAddress.TryGetValue(datagram.Address, out SimNode? to)) return;
        int copies = _prng.Chance(Duplication) ? 2 : 1;
        for (int i = 0; i < copies; i++)
        {
            if (_prng.Chance(Loss) || !Reaches(from, to) || !DatagramReaches(from, to)) continue;
            ReadOnlyMemory<byte> bytes = Corrupt(datagram.Payload);
            long delay = Delay() + Slowness(from) + Slowness(to);
            if (SlowTail > 0 && _prng.Chance(SlowTail)) delay += _prng.NextLong(5 * SwimConfig.Second);
            At(Now + delay, () => Deliver(to, () => to.Core.OnDatagram(Now, from.Address, bytes.Span)));
        }

        void node_sent(SimNode node, int length)
        {
            node.SentDatagrams++;
            node.SentBytes += length;
            Datagrams++;
            Bytes += length;
        }
    }

    private ReadOnlyMemory<byte> Corrupt(ReadOnlyMemory<byte> datagram)
    {
        if (!_prng.Chance(Corruption)) return datagram;
        byte[] bytes = datagram.ToArray();
        bytes[_prng.NextInt(bytes.Length)] ^= (byte)(1 + _prng.NextInt(255));
        return bytes;
    }

    private void Exchange(SimNode from, StreamRequest request)
    {
        if (!_byAddress.TryGetValue(request.Address, out SimNode? to) || to.IsDead
            || !Reaches(from, to) || !Reaches(to, from) || !StreamReaches(from, to))
        {
            At(Now + Delay(), () => Deliver(from, () => from.Core.OnStreamFailed(Now, request.Number)));
            return;
        }

        // TCP repeats what is lost; the price is time: a second for the first packets, 200 ms later on.
        long opened = Flight(1_000_000) + Flight(1_000_000);
        At(Now + opened + Flight(200_000) + Slowness(from) + Slowness(to), () => Deliver(to, () =>
        {
            byte[]? reply = to.Core.OnStreamRequest(Now, request.Payload.Span);
            At(Now + Flight(200_000) + Slowness(from), () => Deliver(from, () =>
            {
                if (reply is null) from.Core.OnStreamFailed(Now, request.Number);
                else from.Core.OnStreamReply(Now, request.Number, reply);
            }));
        }));
    }

    private void Deliver(SimNode node, Action action)
    {
        if (node.IsDead) return;
        if (node.PausedUntil > Now)
        {
            if (node.Waiting.Count < 1_000) node.Waiting.Enqueue(action);
            return;
        }

        action();
        Act(node);
    }

    private void Resume(SimNode node)
    {
        if (node.IsDead || node.PausedUntil > Now) return;
        if (TimersFirst)
        {
            node.Core.Tick(Now);
            Act(node);
        }

        while (node.Waiting.TryDequeue(out Action? action))
        {
            action();
            Act(node);
        }

        node.ScheduledAt = -1;
        Schedule(node);
    }

    private long Slowness(SimNode node) => node.SlowTicks == 0 ? 0 : _prng.NextLong(node.SlowTicks);

    private long Flight(long timeout)
    {
        long ticks = Delay();
        while (_prng.Chance(Loss)) ticks += timeout;
        return ticks;
    }

    private long Delay() => DelayMin + _prng.NextLong(DelayMax - DelayMin + 1);
}
