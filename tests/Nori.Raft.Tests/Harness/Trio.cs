using Nori.Raft.Core;

namespace Nori.Raft.Tests.Harness;

/// <summary>Replicas that the test steps, on a network without delay, in virtual time.</summary>
internal sealed class Trio
{
    private readonly SimTime _time = new();
    private readonly SimChecker _checker = new();
    private readonly Func<RaftNodeOptions, RaftNodeOptions> _change;

    public Trio(int voters = 3, Func<RaftNodeOptions, RaftNodeOptions>? change = null)
    {
        _change = change ?? (o => o);
        Voters = Enumerable.Range(1, voters).Select(i => new ReplicaId((ulong)i)).ToArray();
        foreach (ReplicaId id in Voters) Add(id, Voters);
    }

    public ReplicaId[] Voters { get; }

    public MemoryRaftNetwork Network { get; } = new();

    public List<Member> Members { get; } = [];

    public Member Leader => Members.Where(m => m.Node.IsLeader).MaxBy(m => m.Node.Status.Term)
        ?? throw new InvalidOperationException("nobody leads");

    public SimTime Time => _time;

    public Member this[ulong id] => Members.Single(m => m.Id.Value == id);

    public Member Add(ReplicaId id, ReplicaId[] firstVoters)
    {
        Member member = new(this, id, firstVoters);
        Members.Add(member);
        member.Start();
        return member;
    }

    public void Run(int milliseconds)
    {
        for (int ms = 0; ms < milliseconds; ms++)
        {
            _time.Nanoseconds += 1_000_000;
            foreach (Member member in Members) member.Step();
        }
    }

    public void RunUntil(Func<bool> condition, int millisecondsMax = 30_000)
    {
        for (int ms = 0; ms < millisecondsMax && !condition(); ms++) Run(1);
        Assert.True(condition(), "it did not come to that");
    }

    public Member Elect()
    {
        RunUntil(() => Members.Exists(m => m.Node.IsLeader && m.Node.Status.Commit.Value > 0));
        Run(200);
        return Leader;
    }

    public CommandResult Propose(Member member, ulong id = 1)
    {
        Task<CommandResult> task = member.Propose(id);
        RunUntil(() => task.IsCompleted);
        return task.Result;
    }

    internal sealed class Member(Trio trio, ReplicaId id, ReplicaId[] firstVoters)
    {
        public ReplicaId Id => id;

        public MemoryRaftLog Log { get; } = new();

        public MemorySnapshotStore Snapshots { get; } = new();

        public RaftNode Node { get; private set; } = null!;

        public SimMachine Machine { get; private set; } = null!;

        public HashSet<string> Stalled { get; } = [];

        public bool IsDown { get; set; }

        public void Start()
        {
            Machine = new SimMachine(trio._checker);
            Node = RaftNode.StartAsync(trio._change(new RaftNodeOptions
            {
                Replica = id, Log = Log, StateMachine = Machine, Snapshots = Snapshots, Transport = trio.Network.Of(id),
                FirstVoters = firstVoters, Seed = id.Value, Time = trio._time, RunLoops = false,
            })).AsTask().GetAwaiter().GetResult();
            IsDown = false;
        }

        public void Stop()
        {
            IsDown = true;
            trio.Network.Of(id).Received = null;
            Node.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        public void Step()
        {
            if (IsDown) return;
            foreach (RaftStep step in Node.Steps)
                if (!Stalled.Contains(step.Name)) step.RunOnce();
        }

        public void Step(string name) => Node.Steps.Single(s => s.Name == name).RunOnce();

        public Task<CommandResult> Propose(ulong command, CancellationToken cancellation = default) =>
            Node.ProposeAsync(BitConverter.GetBytes(command), cancellation).AsTask();
    }
}
