namespace Nori.Lsm;

/// <summary>Whether the engine keeps a write-ahead log of its own, and when a write is answered.</summary>
public enum LsmWalMode
{
    /// <summary>
    /// No log: what is not flushed is lost by a crash. For an owner that has a log of its own
    /// (<see cref="ILsmOwner"/>).
    /// </summary>
    None,

    /// <summary>Every write is synced by itself before it is answered.</summary>
    Always,

    /// <summary>
    /// A write is answered after the sync that covers it; writers that wait share one sync (group commit).
    /// </summary>
    Batch,

    /// <summary>
    /// A write is answered when the operating system has it: survives the process, not a power loss.
    /// </summary>
    Os,
}
