using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft.Tests.Harness;

/// <summary>A replica that can crash: what it stored stays, everything else is gone.</summary>
internal sealed class SimReplica(
    ReplicaId id, IReadOnlyList<ReplicaId> firstVoters, SimTime time, IRaftTransport transport, SimChecker checker, Prng random)
{
    private readonly MemoryRaftLog _log = new();
    private readonly MemorySnapshotStore _snapshots = new();

    public ReplicaId Id => id;

    public RaftNode? Node { get; private set; }

    public SimMachine Machine { get; private set; } = new(checker);

    public long PausedUntil { get; set; }

    public long LogStalledUntil { get; set; }

    public long ApplyStalledUntil { get; set; }

    public void Start()
    {
        Machine = new SimMachine(checker);
        Task<RaftNode> start = RaftNode.StartAsync(new RaftNodeOptions
        {
            Replica = id,
            Log = _log,
            StateMachine = Machine,
            Snapshots = _snapshots,
            Transport = transport,
            FirstVoters = firstVoters,
            CompactionEntries = 60,
            RetainedEntries = 15,
            SnapshotChunkBytes = 40,
            SnapshotChunksMax = 3,
            TailBytesMax = 500,
            Patience = TimeSpan.FromSeconds(3),
            Seed = random.NextUInt64(),
            Time = time,
            RunLoops = false,
        }).AsTask();
        Node = start.GetAwaiter().GetResult();
    }

    public void Crash()
    {
        transport.Received = null;
        RaftNode node = Node!;
        Node = null;
        node.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    public void Step(bool isHealed)
    {
        if (Node is null || time.Nanoseconds < PausedUntil) return;
        foreach (RaftStep step in Node.Steps)
        {
            if (step.Name == "log" && time.Nanoseconds < LogStalledUntil) continue;
            if (step.Name == "apply" && time.Nanoseconds < ApplyStalledUntil) continue;
            if (!isHealed && random.Chance(0.3)) continue;
            step.RunOnce();
        }

        if (Node.Failure is { } failure) throw new InvalidOperationException($"replica {id} failed", failure);
    }
}
