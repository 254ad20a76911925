using Nori.Core;
using Nori.IO;
using NoriKV.Node;
using NoriKV.Node.Machine;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Faults;

/// <summary>Does what the plan says, and takes it back: each fault when its time is over, all of them at the end.</summary>
internal sealed class FaultRunner(SimWorld world, IReadOnlyList<SimNode> nodes, int clientPlaces)
{
    private const int EndlessCalls = 400;

    // Well beyond all leases and election timeouts. It has to end by itself: a clock does not go back.
    private const long PauseInsideMax = 3 * Ticks.Second;

    private readonly LinkedList<Action> _undo = new();
    private readonly int _places = nodes.Count + clientPlaces;

    /// <summary>True: nothing more is begun.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Arranges the plan.</summary>
    public void Arrange(IEnumerable<FaultAction> plan)
    {
        foreach (FaultAction action in plan)
        {
            world.Events.At(action.At, () =>
            {
                if (!IsOver) Begin(action, new Prng(action.Seed));
            });
        }
    }

    /// <summary>Ends everything that goes on, and starts the nodes that are down.</summary>
    public void HealAll()
    {
        IsOver = true;
        foreach (Action undo in _undo.ToArray()) undo();
        _undo.Clear();
        foreach (SimNode node in nodes)
        {
            node.ResetClock();
            node.StayAwake();
            node.Disk.Calm();
            if (node.State == NodeState.Down && node.MayStart) node.Start();
        }
    }

    /// <summary>A fault of a scenario, at a node that it chose.</summary>
    public void Strike(FaultAction action, SimNode node) => Do(action, node, new Prng(action.Seed));

    /// <summary>A node hears nobody and nobody hears it.</summary>
    public void Isolate(SimNode node, long duration)
    {
        for (int other = 0; other < _places; other++) CutBoth(node.Place, other, duration);
    }

    private void Begin(FaultAction action, Prng random)
    {
        SimNode node = nodes[random.NextInt(nodes.Count)];
        world.Probes.Hit($"fault.{action.Kind}");
        world.Trace.Tell("--", $"{action}, first {node.Name}");
        Do(action, node, random);
    }

    private void Do(FaultAction action, SimNode node, Prng random)
    {
        switch (action.Kind)
        {
            case FaultKinds.Crash:
                CrashNow(node, action, random, AnyMode(random));
                break;
            case FaultKinds.Kill:
                CrashNow(node, action, random, CrashMode.ProcessOnly);
                break;
            case FaultKinds.CrashAll:
                foreach (SimNode each in nodes) CrashNow(each, action, random, AnyMode(random));
                break;
            case FaultKinds.CrashInside:
                CrashInside(node, action, random);
                break;
            case FaultKinds.Restart:
                node.Stop();
                StartLater(node, action.Duration / 2);
                break;
            case FaultKinds.Pause:
                Pause(node, action, random);
                break;
            case FaultKinds.SlowNode:
                node.Slowness = random.NextLong(100 * Ticks.Millisecond);
                UndoAfter(action.Duration, () => node.Slowness = 0);
                break;
            case FaultKinds.ClockJump:
                node.JumpClock(random.NextLong(2 * world.Profile.JumpMax) - world.Profile.JumpMax);
                break;
            case FaultKinds.DiskStall:
                Stall(node, action, random);
                break;
            case FaultKinds.DiskError:
                DiskError(node, random);
                break;
            case FaultKinds.DiskFull:
                node.Disk.Limit(random.NextLong(256 << 10));
                UndoAfter(action.Duration, () => node.Disk.Limit(null));
                break;
            case FaultKinds.BitRot:
                Rot(action, random);
                break;
            case FaultKinds.Snapshot:
            case FaultKinds.Transfer:
            case FaultKinds.Membership:
                Administer(node, action.Kind, random);
                break;
            default:
                BeginOnNetwork(node, action, random);
                break;
        }
    }

    private void BeginOnNetwork(SimNode node, FaultAction action, Prng random)
    {
        int[] order = [.. Enumerable.Range(0, nodes.Count)];
        random.Shuffle<int>(order);
        int other = order[0] == node.Place ? order[^1] : order[0];
        switch (action.Kind)
        {
            case FaultKinds.Partition:
                int cut = random.NextInt(1, nodes.Count);
                foreach (int a in order[..cut])
                {
                    foreach (int b in order[cut..]) CutBoth(a, b, action.Duration);
                }

                break;
            case FaultKinds.OneWay:
                foreach (int b in order[..random.NextInt(1, order.Length + 1)])
                {
                    if (b == node.Place) continue;
                    if (random.Chance(0.5)) Cut(node.Place, b, action.Duration);
                    else Cut(b, node.Place, action.Duration);
                }

                break;
            case FaultKinds.PartialPartition:
                CutBoth(node.Place, other, action.Duration);
                break;
            case FaultKinds.SwizzleClog:
                Swizzle(order[..random.NextInt(1, order.Length + 1)], action, random);
                break;
            case FaultKinds.Flapping:
                Flap(node.Place, other, action, random);
                break;
            case FaultKinds.ClientCut:
                for (int client = nodes.Count; client < _places; client++)
                {
                    if (random.Chance(0.7)) CutBoth(client, node.Place, action.Duration);
                }

                break;
            default:
                world.Probes.Hit("fault.none");
                break;
        }
    }

    private void CrashNow(SimNode node, FaultAction action, Prng random, CrashMode mode)
    {
        node.Crash(mode, $"#{action.Number}");
        StartLater(node, random.NextLong(action.Duration + 1));
    }

    private void CrashInside(SimNode node, FaultAction action, Prng random)
    {
        CrashMode mode = AnyMode(random);
        long calls = random.NextLong(EndlessCalls);
        // Half of them while it starts: recovery must survive a crash of its own.
        if (random.Chance(0.5))
        {
            node.Crash(mode, $"#{action.Number}");
            calls = random.NextLong(60);
        }

        long downtime = random.NextLong(action.Duration + 1);
        node.CrashInside(calls, mode, () => world.Events.After(0, () =>
        {
            node.Crash(mode, $"#{action.Number}, inside");
            world.Probes.Hit("disk.crash_inside");
            StartLater(node, downtime);
        }));
        if (node.State == NodeState.Down) StartLater(node, downtime);
    }

    private void Pause(SimNode node, FaultAction action, Prng random)
    {
        if (random.Chance(0.5))
        {
            node.PauseInside(random.NextInt(1, 30), Math.Min(action.Duration, PauseInsideMax));
            return;
        }

        node.Pause();
        UndoAfter(action.Duration, node.Resume);
    }

    private void Stall(SimNode node, FaultAction action, Prng random)
    {
        string[] disk = [.. node.StepNames.Where(s => s is "log" or "engine" or "all" or "snapshot")];
        if (disk.Length == 0) return;
        string step = disk[random.NextInt(disk.Length)];
        node.Stall(step);
        UndoAfter(action.Duration, () => node.Release(step));
    }

    private void DiskError(SimNode node, Prng random)
    {
        FileOperation[] operations = [FileOperation.Sync, FileOperation.Write, FileOperation.SyncDirectory, FileOperation.Read];
        node.Disk.Add(new FaultRule
        {
            Operation = operations[random.NextInt(operations.Length)],
            AfterCalls = random.NextLong(40),
            Errno = Errno.IO,
            Action = _ =>
            {
                world.Probes.Hit("disk.io_error");
                node.Excuse();
            },
        });
    }

    /// <summary>Only of the nodes that the cluster can do without, the last ones, and not of two halves of one majority.</summary>
    private void Rot(FaultAction action, Prng random)
    {
        SimNode node = nodes[^(1 + random.NextInt((nodes.Count - 1) / 2))];
        node.Crash(AnyMode(random), $"#{action.Number}");
        if (node.State == NodeState.Down && node.Rot(random) is { } place) world.Trace.Tell(node.Name, $"rots: {place}");
        StartLater(node, random.NextLong(action.Duration + 1));
    }

    private void Administer(SimNode node, FaultKinds kind, Prng random)
    {
        var shard = new ShardId((uint)random.NextInt(world.Options.Shards));
        string target = nodes[random.NextInt(nodes.Count)].Name;
        int dice = random.NextInt(1 << 20);
        // Membership is the leader's to change; whoever leads now.
        if (kind == FaultKinds.Membership)
            node = nodes.FirstOrDefault(n => n.Probe?.Look(shard) is { IsLeader: true }) ?? node;
        node.Arrive(() => _ = kind == FaultKinds.Membership
            ? ChangeMembersAsync(node, shard, dice)
            : AdministerAsync(node, kind, shard, target));
    }

    private async Task AdministerAsync(SimNode node, FaultKinds kind, ShardId shard, string target)
    {
        if (node.Port is not { } port || node.Clock is not { } clock) return;
        var context = new RequestContext(clock.GetTimestamp() + (5 * Ticks.Second), "", CancellationToken.None);
        KvResult<ShardView> result = kind == FaultKinds.Snapshot
            ? await port.SnapshotShardAsync(shard, context).ConfigureAwait(false)
            : await port.TransferShardAsync(shard, target, context).ConfigureAwait(false);
        world.AssertThread();
        world.Probes.Hit($"admin.{kind}.{result.Error?.Code.ToString() ?? "Ok"}");
    }

    /// <summary>A voter becomes a learner, or all become voters again: never fewer than a majority of the nodes vote.</summary>
    private async Task ChangeMembersAsync(SimNode node, ShardId shard, int dice)
    {
        if (node.Node is not { } production || node.Clock is not { } clock) return;
        if (production.Host.Group(shard) is not { } group || group.Core.Configuration.IsJoint) return;
        ConfigurationMember[] members =
        [
            .. ClusterShape.PlanOf(node.Number, nodes.Count).Replicas(shard)
                .Select(r => new ConfigurationMember(r.Id, r.Node)),
        ];
        int demoted = dice % (((nodes.Count - 1) / 2) + 1);
        for (int i = 0; i < demoted; i++)
        {
            ref ConfigurationMember member = ref members[(dice + i) % members.Length];
            member = member with { Role = MemberRole.Learner };
        }

        KvError? error = await production.Host.ChangeMembersAsync(
            shard, new LogIndex(group.Core.ConfigurationIndex.Value), members, clock.GetTimestamp() + (5 * Ticks.Second))
            .ConfigureAwait(false);
        world.AssertThread();
        world.Probes.Hit($"admin.Membership.{error?.Code.ToString() ?? "Ok"}");
        if (error is null) world.Probes.Hit("raft.membership_changed");
    }

    private void Cut(int from, int to, long duration)
    {
        world.Network.Cut(from, to);
        UndoAfter(duration, () => world.Network.Mend(from, to));
    }

    private void CutBoth(int a, int b, long duration)
    {
        if (a == b) return;
        Cut(a, b, duration);
        Cut(b, a, duration);
    }

    private void Swizzle(int[] places, FaultAction action, Prng random)
    {
        foreach (int place in places)
        {
            long begin = random.NextLong((action.Duration / 2) + 1);
            long end = (action.Duration / 2) + random.NextLong((action.Duration / 2) + 1);
            world.Events.After(begin, () =>
            {
                if (IsOver) return;
                for (int i = 0; i < nodes.Count; i++) ClogUntil(place, i, end - begin);
            });
        }
    }

    private void ClogUntil(int place, int other, long duration)
    {
        if (place == other) return;
        world.Network.Clog(place, other);
        world.Network.Clog(other, place);
        UndoAfter(duration, () =>
        {
            world.Network.Unclog(place, other);
            world.Network.Unclog(other, place);
        });
    }

    private void Flap(int a, int b, FaultAction action, Prng random)
    {
        long until = world.Events.Now + action.Duration;
        long period = (200 * Ticks.Millisecond) + random.NextLong(1200 * Ticks.Millisecond);
        void Once()
        {
            if (IsOver || world.Events.Now >= until) return;
            CutBoth(a, b, period / 2);
            world.Events.After(period, Once);
        }

        Once();
    }

    private void StartLater(SimNode node, long after) => world.Events.After(after, () =>
    {
        if (node.State == NodeState.Down && node.MayStart) node.Start();
    });

    /// <summary>Takes something back once: after a while, or when everything ends.</summary>
    private void UndoAfter(long ticks, Action undo)
    {
        LinkedListNode<Action> entry = _undo.AddLast(undo);
        world.Events.After(ticks, () =>
        {
            if (entry.List is null) return;
            _undo.Remove(entry);
            undo();
        });
    }

    private static CrashMode AnyMode(Prng random) => random.NextInt(4) switch
    {
        0 => CrashMode.DropUnsynced,
        1 => CrashMode.PowerLossGarbage,
        _ => CrashMode.PowerLoss,
    };
}
