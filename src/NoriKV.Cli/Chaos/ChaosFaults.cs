namespace NoriKV.Cli.Chaos;

/// <summary>What <c>norikv chaos</c> may do to a cluster.</summary>
[Flags]
internal enum ChaosFaults
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>SIGKILL; started again later.</summary>
    Kill = 1 << 0,

    /// <summary>SIGKILL of all nodes at once.</summary>
    KillAll = 1 << 1,

    /// <summary>A node is stopped in order and started again.</summary>
    Restart = 1 << 2,

    /// <summary>SIGSTOP, later SIGCONT.</summary>
    Pause = 1 << 3,

    /// <summary>Two halves that do not reach each other; clients reach all, or one half.</summary>
    Partition = 1 << 4,

    /// <summary>One node is heard but does not hear, or the other way round.</summary>
    OneWay = 1 << 5,

    /// <summary>Two nodes do not reach each other, everybody else reaches both.</summary>
    PartialPartition = 1 << 6,

    /// <summary>A node's links go and come about as often as elections time out.</summary>
    Flapping = 1 << 7,

    /// <summary>Clients reach only some nodes, while these reach each other.</summary>
    ClientCut = 1 << 8,

    /// <summary>What goes to and from a node is late, or its streams have little bandwidth.</summary>
    SlowLink = 1 << 9,

    /// <summary>Datagrams are lost, streams are not; sometimes all datagrams.</summary>
    DatagramLoss = 1 << 10,

    /// <summary>Each write and sync of a node takes long.</summary>
    SlowDisk = 1 << 11,

    /// <summary>A node's syncs do not return.</summary>
    StalledSync = 1 << 12,

    /// <summary>No space is left on a node's disk.</summary>
    FullDisk = 1 << 13,

    /// <summary>A sync, write or read of a node fails once with EIO.</summary>
    DiskError = 1 << 14,

    /// <summary>A bit flips in a file of a node that is down.</summary>
    BitFlip = 1 << 15,

    /// <summary>A node's wall clock jumps.</summary>
    ClockJump = 1 << 16,

    /// <summary>Somebody moves leaderships.</summary>
    MoveLeader = 1 << 17,

    /// <summary>A node loses its disk for good; it is replaced by an empty one of its name.</summary>
    Replace = 1 << 18,

    /// <summary>Streams to and from a node are cut, datagrams pass: membership holds it for alive.</summary>
    StreamCut = 1 << 19,

    /// <summary>The clocks of nodes run fast or slow, each by as much as it will.</summary>
    ClockDrift = 1 << 20,

    /// <summary>All of it.</summary>
    All = (1 << 21) - 1,
}
