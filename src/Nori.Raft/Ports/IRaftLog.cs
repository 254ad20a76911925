using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// The log of one replica, with its term and vote: what must not be forgotten. Calls are synchronous; they complete or
/// throw. Anything thrown ends the replica.
/// </summary>
/// <remarks>
/// <see cref="Write"/> is called by one thread, <see cref="Read"/> by another at the same time, for entries that a
/// <see cref="Write"/> that returned has stored and none that began has replaced or dropped.
/// </remarks>
public interface IRaftLog
{
    /// <summary>
    /// What the log holds; null when nothing was ever written to it. <see cref="RaftState.Applied"/> is not the log's and
    /// is left out. Called once, first.
    /// </summary>
    RaftState? Open();

    /// <summary>
    /// Stores the writes, in order; each wholly or, if a crash intervenes, not at all, and none without those before it.
    /// When it returns and one of them must be synced, all are durable.
    /// </summary>
    void Write(IReadOnlyList<RaftLogWrite> writes);

    /// <summary>
    /// Nothing was written for a while: time for what sharpens recovery. Called by the writing thread. Nothing depends on it.
    /// </summary>
    void OnIdle()
    {
    }

    /// <summary>Adds the entries from first to at most last, whose sizes sum up to the limit, and at least one.</summary>
    void Read(LogIndex first, LogIndex last, long bytesMax, List<RaftEntry> entries);
}
