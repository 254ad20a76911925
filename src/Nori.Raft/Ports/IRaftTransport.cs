using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// Carries frames between replicas. It may lose, repeat and reorder them; a frame arrives whole or not at all. It never
/// waits.
/// </summary>
public interface IRaftTransport
{
    /// <summary>Sends a frame, without waiting; thread-safe.</summary>
    /// <param name="target">To whom.</param>
    /// <param name="channel">On which way.</param>
    /// <param name="frame">The transport's from now on.</param>
    /// <returns>False when it was dropped at once: nobody is known there, or the queue is full.</returns>
    bool TrySend(ReplicaId target, RaftChannel channel, ReadOnlyMemory<byte> frame);

    /// <summary>
    /// Where frames go that arrive, on any thread; the memory is the receiver's. Set once, by the replica when it starts.
    /// </summary>
    Action<ReadOnlyMemory<byte>>? Received { get; set; }
}
