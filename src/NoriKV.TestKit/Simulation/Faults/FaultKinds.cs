namespace NoriKV.TestKit.Simulation;

/// <summary>What a simulation may do to a cluster.</summary>
[Flags]
public enum FaultKinds
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A machine loses power between two steps; what was not synced is lost, torn or reordered.</summary>
    Crash = 1 << 0,

    /// <summary>It loses power inside a step, or while it starts: before the n-th call that changes its disk.</summary>
    CrashInside = 1 << 1,

    /// <summary>All machines lose power at once.</summary>
    CrashAll = 1 << 2,

    /// <summary>A process dies; the machine keeps what it had written.</summary>
    Kill = 1 << 3,

    /// <summary>A process stands still for a while, its messages wait (SIGSTOP, a long collection).</summary>
    Pause = 1 << 4,

    /// <summary>A wall clock jumps.</summary>
    ClockJump = 1 << 5,

    /// <summary>The nodes fall apart into two halves that do not hear each other.</summary>
    Partition = 1 << 6,

    /// <summary>Some links lose everything in one direction.</summary>
    OneWay = 1 << 7,

    /// <summary>Two nodes do not hear each other, everybody else does.</summary>
    PartialPartition = 1 << 8,

    /// <summary>All links of some nodes are held back, and opened again in another order.</summary>
    SwizzleClog = 1 << 9,

    /// <summary>A link goes and comes about as often as elections time out.</summary>
    Flapping = 1 << 10,

    /// <summary>Clients reach only some of the nodes.</summary>
    ClientCut = 1 << 11,

    /// <summary>A disk does not answer: the steps that wait for it do not run.</summary>
    DiskStall = 1 << 12,

    /// <summary>A call to the disk fails with EIO.</summary>
    DiskError = 1 << 13,

    /// <summary>No space is left for a while.</summary>
    DiskFull = 1 << 14,

    /// <summary>A bit flips in a file of one of the nodes that the cluster can do without.</summary>
    BitRot = 1 << 15,

    /// <summary>Somebody moves a leadership.</summary>
    Transfer = 1 << 16,

    /// <summary>Somebody has a shard flushed, compacted and its log truncated.</summary>
    Snapshot = 1 << 17,

    /// <summary>A node is slow: each of its steps comes late.</summary>
    SlowNode = 1 << 18,

    /// <summary>A node is stopped in order and started again.</summary>
    Restart = 1 << 19,

    /// <summary>Somebody makes voters learners, or learners voters.</summary>
    Membership = 1 << 20,

    /// <summary>All of it.</summary>
    All = (1 << 21) - 1,
}
