using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Snapshots;

/// <summary>
/// Sends snapshots of shards to peers that need them and takes those that peers send: see docs/formats/snapshot-stream.md.
/// </summary>
/// <remarks>
/// <see cref="Begin"/> and <see cref="Receive"/> may be called from any thread; one owner steps it. It has no thread of its
/// own.
/// </remarks>
internal sealed class SnapshotExchange : IDisposable
{
    public SnapshotExchange(
        SnapshotOptions options, IStorage storage, ReplicaTable replicas, ISnapshotHost host,
        Func<NodeNumber, ReadOnlyMemory<byte>, bool> send, SnapshotStaging staging)
    {
    }

    /// <summary>Wakes the loop that steps it.</summary>
    public StepSignal Signal { get; } = new();

    /// <summary>Milliseconds until a step has something to do although nothing arrived; null when nothing is under way.</summary>
    public int? RetryInMs => null;

    /// <summary>A replica of a shard lacks entries that the log no longer holds: send it a snapshot.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="to">Who needs it.</param>
    /// <param name="node">Where that replica lives.</param>
    /// <param name="term">The leader's term.</param>
    /// <param name="atLeast">The index it must cover.</param>
    public void Begin(ShardId shard, ReplicaId to, NodeNumber node, Term term, LogIndex atLeast)
    {
    }

    /// <summary>Takes a frame of the snapshot channel; its bytes are the receiver's.</summary>
    public void Receive(NodeNumber from, ReadOnlyMemory<byte> frame)
    {
    }

    /// <summary>One step; false when there was nothing to do.</summary>
    public bool RunOnce() => false;

    public void Dispose() => Signal.Dispose();
}
