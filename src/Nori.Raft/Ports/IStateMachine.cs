using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// What the replicas keep equal. Same commands in the same order must have the same effects and results everywhere: no
/// clock, no chance, no iteration over unordered sets.
/// </summary>
/// <remarks>
/// One call at a time. An exception ends the replica: one that throws on an entry throws on it on every replica and at
/// every start, so refuse a command by its result, not by throwing.
/// </remarks>
public interface IStateMachine
{
    /// <summary>
    /// Up to where the state survived the last stop by itself; entries up to there are not applied again. A machine that is
    /// above 0 here must be used with <see cref="RaftNodeOptions.AppliesOnlyDurable"/>.
    /// </summary>
    /// <value>0: the state is in memory, and is built from the newest snapshot and the log.</value>
    LogIndex Applied => default;

    /// <summary>Applies a command; what it returns goes to whoever proposed it, here.</summary>
    ReadOnlyMemory<byte> Apply(in RaftEntry entry);

    /// <summary>
    /// Captures the state as it is now and returns what writes it. The call holds up everything else, so it should be
    /// short (a copy, a persistent tree); the writer runs beside later commands, once at most.
    /// </summary>
    Action<Stream> CaptureSnapshot();

    /// <summary>Replaces the state by one that was captured, here or elsewhere.</summary>
    /// <param name="snapshot">What the writer wrote. Reads to its end are checked against a checksum.</param>
    /// <param name="meta">What it covers: <see cref="Applied"/> of a machine that keeps its state is this index now.</param>
    void Restore(Stream snapshot, SnapshotMeta meta);
}
