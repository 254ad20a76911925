using System.Collections.Concurrent;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Snapshots;

/// <summary>
/// Sends snapshots of shards to peers that need them and takes those that peers send: see docs/formats/snapshot-stream.md.
/// </summary>
/// <remarks>
/// <see cref="Begin"/>, <see cref="Stop"/> and <see cref="Receive"/> may be called from any thread; one owner steps it. It
/// has no thread of its own.
/// </remarks>
internal sealed class SnapshotExchange : IDisposable
{
    private const int FramesPerStep = 64;
    private const int RetryMs = 20;

    private readonly SnapshotLine _line;
    private readonly SnapshotSender _sender;
    private readonly SnapshotReceiver _receiver;
    private readonly ConcurrentQueue<(NodeNumber From, ReadOnlyMemory<byte> Frame)> _inbox = new();
    private long _inboxBytes;

    public SnapshotExchange(
        SnapshotOptions options, IStorage storage, ReplicaTable replicas, ISnapshotHost host,
        Func<NodeNumber, ReadOnlyMemory<byte>, bool> send, SnapshotStaging staging,
        NodeSlots? slots = null)
    {
        _line = new SnapshotLine(options, storage, replicas, host, send) { Slots = slots ?? new NodeSlots(storage) };
        _sender = new SnapshotSender(_line);
        _receiver = new SnapshotReceiver(_line, staging);
    }

    /// <summary>Wakes the loop that steps it.</summary>
    public StepSignal Signal { get; } = new();

    /// <summary>Milliseconds until a step has something to do although nothing arrived; null when nothing is under way.</summary>
    public int? RetryInMs => _sender.HasWork || _receiver.HasWork ? RetryMs : null;

    /// <summary>What happened so far.</summary>
    public SnapshotCounters Counters => _line.Counters;

    /// <summary>Bytes of chunks that the sender holds.</summary>
    public long WindowBytes => _sender.WindowBytes;

    /// <summary>Snapshots being sent, with a view of the engine.</summary>
    public int Outgoing => _sender.Active;

    /// <summary>Snapshots being received.</summary>
    public int Incoming => _receiver.Active;

    /// <summary>A replica of a shard lacks entries that the log no longer holds: send it a snapshot.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="to">Who needs it.</param>
    /// <param name="node">Where that replica lives.</param>
    /// <param name="term">The leader's term.</param>
    /// <param name="atLeast">The index it must cover.</param>
    public void Begin(ShardId shard, ReplicaId to, NodeNumber node, Term term, LogIndex atLeast)
    {
        _sender.Begin(shard, to, node, term, atLeast);
        Signal.Set();
    }

    /// <summary>The local replica does not lead the shard any more: what it sends would be ignored.</summary>
    public void Stop(ShardId shard)
    {
        _sender.Stop(shard);
        Signal.Set();
    }

    /// <summary>Takes a frame of the snapshot channel; its bytes are the receiver's.</summary>
    public void Receive(NodeNumber from, ReadOnlyMemory<byte> frame)
    {
        if (Interlocked.Add(ref _inboxBytes, frame.Length) > _line.Options.InboxBytesMax)
        {
            Interlocked.Add(ref _inboxBytes, -frame.Length);
            _line.Counters.Overflow.Add();
            return;
        }

        _inbox.Enqueue((from, frame));
        Signal.Set();
    }

    /// <summary>One step; false when there was nothing to do.</summary>
    public bool RunOnce()
    {
        bool worked = false;
        for (int i = 0; i < FramesPerStep && _inbox.TryDequeue(out (NodeNumber From, ReadOnlyMemory<byte> Frame) next); i++)
        {
            worked = true;
            Interlocked.Add(ref _inboxBytes, -next.Frame.Length);
            Take(next.From, next.Frame);
        }

        return worked | _receiver.RunOnce() | _sender.RunOnce();
    }

    /// <summary>Gives up what is under way. The owner's steps have ended.</summary>
    public void Dispose()
    {
        _sender.Close();
        _receiver.Close();
        Signal.Dispose();
    }

    private void Take(NodeNumber from, ReadOnlyMemory<byte> bytes)
    {
        switch (SnapshotFrame.TryDecode(bytes, _line.Options.ClusterHash, out SnapshotFrame frame))
        {
            case SnapshotFrameFault.None when frame.Kind < SnapshotFrameKind.Progress:
                _receiver.OnFrame(from, frame);
                break;
            case SnapshotFrameFault.None:
                _sender.OnFrame(frame);
                break;
            case SnapshotFrameFault.Damaged:
                _line.Counters.Damaged.Add();
                break;
            default:
                _line.Counters.Foreign.Add();
                break;
        }
    }
}
