using System.Text;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft.Tests.Harness;

/// <summary>
/// Replicas over the production driver in one thread and in virtual time, from one seed: first anything may go wrong, then
/// all must come right.
/// </summary>
internal sealed class SimGroup
{
    private const long Millisecond = 1_000_000;
    private readonly Prng _random;
    private readonly SimTime _time = new();
    private readonly SimChecker _checker = new();
    private readonly List<SimReplica> _replicas = [];
    private readonly PriorityQueue<(ReplicaId To, ReadOnlyMemory<byte> Frame), (long, ulong)> _network = new();
    private readonly Dictionary<ReplicaId, SimTransport> _transports = [];
    private readonly List<(ulong Id, Task<CommandResult> Task)> _commands = [];
    private readonly List<(LogIndex Before, Task<ReadResult<LogIndex>> Task)> _reads = [];
    private readonly HashSet<(ReplicaId, ReplicaId)> _blocked = [];
    private readonly double _loss;
    private readonly int _delayMax;
    private readonly StringBuilder _story = new();
    private ulong _order;
    private ulong _nextId;
    private bool _isHealed;

    public SimGroup(ulong seed)
    {
        _random = new Prng(seed);
        _loss = _random.Chance(0.4) ? 0 : _random.NextDouble() * 0.2;
        _delayMax = _random.Chance(0.6) ? 10 : _random.NextInt(20, 100);
        ReplicaId[] ids = Enumerable.Range(1, 4).Select(i => new ReplicaId((ulong)i)).ToArray();
        foreach (ReplicaId id in ids)
        {
            SimTransport transport = _transports[id] = new SimTransport(this, id);
            ReplicaId[] voters = id.Value == 4 ? [] : ids[..3];
            _replicas.Add(new SimReplica(id, voters, _time, transport, _checker, _random.Fork()));
        }
    }

    public SimChecker Checker => _checker;

    public int ReadsDone { get; private set; }

    public int LeaseReads { get; private set; }

    public int Installs { get; private set; }

    public ulong Trace { get; private set; } = 17;

    public string Story => _story.ToString();

    public void Run(int faultMilliseconds, int healMilliseconds)
    {
        foreach (SimReplica replica in _replicas) replica.Start();
        for (int ms = 0; ms < faultMilliseconds; ms++)
        {
            if (_random.Chance(0.004)) Fault();
            Step();
        }

        Heal();
        for (int ms = 0; ms < healMilliseconds; ms++) Step();
        CheckLiveness();
    }

    private void Step()
    {
        _time.Nanoseconds += Millisecond;
        while (_network.TryPeek(out _, out (long At, ulong) next) && next.At <= _time.Nanoseconds)
        {
            (ReplicaId to, ReadOnlyMemory<byte> frame) = _network.Dequeue();
            _transports[to].Received?.Invoke(frame);
        }

        foreach (SimReplica replica in _replicas)
        {
            LogIndex before = replica.Node?.Status.Base ?? default;
            replica.Step(_isHealed);
            if (replica.Node is { } node)
            {
                Trace = (Trace * 31) + node.Status.Commit.Value + (node.Applied.Value << 20) + (node.Status.Term.Value << 40);
                if (node.Status.Base > before && node.Status.Base == node.Status.Last && node.Status.Role != RaftRole.Leader)
                    Installs++;
            }
        }

        Work();
        Collect();
    }

    private void Work()
    {
        SimReplica replica = _replicas[_random.NextInt(_replicas.Count)];
        if (_random.Chance(0.8)) replica = _replicas.Find(r => r.Node?.IsLeader == true) ?? replica;
        if (replica.Node is not { } node || _time.Nanoseconds < replica.PausedUntil) return;
        if (_random.Chance(0.1))
        {
            ulong id = ++_nextId;
            _commands.Add((id, node.ProposeAsync(BitConverter.GetBytes(id)).AsTask()));
        }
        else if (_random.Chance(0.05))
        {
            ReadConsistency consistency = _random.Chance(0.5) ? ReadConsistency.Lease : ReadConsistency.Linearizable;
            SimMachine machine = replica.Machine;
            _reads.Add((_checker.Acknowledged, node.ReadAsync(() => machine.Last, consistency).AsTask()));
        }
        else if (!_isHealed && node.IsLeader && _random.Chance(0.002))
        {
            _ = node.TransferLeadershipAsync(new ReplicaId((ulong)_random.NextInt(1, 5)));
        }
        else if (!_isHealed && node.IsLeader && _random.Chance(0.002))
        {
            ChangeMembers(node);
        }
    }

    private void ChangeMembers(RaftNode node)
    {
        Configuration now = node.Status.Configuration;
        ReplicaId spare = new(4), third = new(3);
        ConfigurationTarget target = now.IsLearner(spare) ? new([.. now.Voters, spare])
            : now.IsVoter(spare) ? new(now.Voters.Where(v => v != spare).ToArray())
            : _random.Chance(0.5) ? new(now.Voters, [spare])
            : new(now.Voters.Where(v => v != third).ToArray(), [third]);
        if (now.IsLearner(third)) target = new([.. now.Voters, third]);
        _ = node.ChangeMembersAsync(target).ContinueWith(
            t => t.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private void Collect()
    {
        foreach ((ulong id, Task<CommandResult> task) in _commands.Where(c => c.Task.IsCompletedSuccessfully))
            _checker.OnOutcome(id, task.Result);
        _commands.RemoveAll(c => c.Task.IsCompleted);
        foreach ((LogIndex before, Task<ReadResult<LogIndex>> task) in _reads.Where(r => r.Task.IsCompletedSuccessfully))
        {
            if (!task.Result.IsDone) continue;
            SimChecker.OnRead(before, task.Result);
            ReadsDone++;
            if (task.Result.IsUnderLease) LeaseReads++;
        }

        _reads.RemoveAll(r => r.Task.IsCompleted);
    }

    private void Fault()
    {
        SimReplica replica = _replicas[_random.NextInt(_replicas.Count)];
        long until = _time.Nanoseconds + (_random.NextInt(10, 2500) * Millisecond);
        switch (_random.NextInt(8))
        {
            case 0 or 1 when replica.Node is not null:
                Note(replica, "crash");
                replica.Crash();
                break;
            case 2:
                (replica.PausedUntil, _) = (until, Note(replica, "pause"));
                break;
            case 3:
                (replica.LogStalledUntil, _) = (until, Note(replica, "log stalls"));
                break;
            case 4:
                (replica.ApplyStalledUntil, _) = (until, Note(replica, "state machine stalls"));
                break;
            case 5:
                foreach (SimReplica other in _replicas)
                    _ = _blocked.Add((replica.Id, other.Id)) | _blocked.Add((other.Id, replica.Id));
                Note(replica, "cut off");
                break;
            default:
                _blocked.Clear();
                foreach (SimReplica down in _replicas.Where(r => r.Node is null))
                {
                    Note(down, "start");
                    down.Start();
                }

                break;
        }
    }

    private void Heal()
    {
        Note(_replicas[0], "heal");
        _isHealed = true;
        _blocked.Clear();
        foreach (SimReplica replica in _replicas)
        {
            replica.PausedUntil = replica.LogStalledUntil = replica.ApplyStalledUntil = 0;
            if (replica.Node is null) replica.Start();
        }
    }

    private void CheckLiveness()
    {
        SimReplica? leader = _replicas.Where(r => r.Node!.IsLeader).MaxBy(r => r.Node!.Status.Term);
        Assert.True(leader is not null, "no leader although all is well again");
        ulong id = ++_nextId;
        Task<CommandResult> last = leader.Node!.ProposeAsync(BitConverter.GetBytes(id)).AsTask();
        for (int ms = 0; ms < 3000; ms++) Step();
        Assert.True(last.IsCompletedSuccessfully && last.Result.IsApplied, "the leader does not get on");
        foreach (ReplicaId member in leader.Node.Status.Configuration.Members)
        {
            SimReplica replica = _replicas.Find(r => r.Id == member)!;
            Assert.True(
                replica.Machine.Last >= last.Result.Index, $"replica {member} has {replica.Machine.Last}, not {last.Result.Index}");
        }
    }

    private int Note(SimReplica replica, string what)
    {
        _story.AppendLine($"{_time.Nanoseconds / Millisecond,6} ms  {replica.Id}  {what}");
        return 0;
    }

    private bool Send(ReplicaId from, ReplicaId to, ReadOnlyMemory<byte> frame)
    {
        if (_blocked.Contains((from, to)) || !_transports.ContainsKey(to)) return false;
        double loss = _isHealed ? 0 : _loss;
        for (int copies = _random.Chance(loss / 2) ? 2 : 1; copies > 0; copies--)
        {
            if (_random.Chance(loss)) continue;
            long delay = _random.NextInt(1, _isHealed ? 5 : _delayMax);
            _network.Enqueue((to, frame), (_time.Nanoseconds + (delay * Millisecond), _order++));
        }

        return true;
    }

    private sealed class SimTransport(SimGroup group, ReplicaId id) : IRaftTransport
    {
        public Action<ReadOnlyMemory<byte>>? Received { get; set; }

        public bool TrySend(ReplicaId target, RaftChannel channel, ReadOnlyMemory<byte> frame) => group.Send(id, target, frame);
    }
}
