using System.Collections.Concurrent;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// The step that makes, sends and receives snapshots: slow work that holds up neither the protocol nor the state machine.
/// </summary>
internal sealed class SnapshotExchange
{
    private const int FramesMax = 1024;
    private readonly RaftNodeOptions _options;
    private readonly Action<ReplicaId, LogIndex, bool> _sent;
    private readonly Action<StoredSnapshot> _stored;
    private readonly ConcurrentQueue<Action> _inputs = new();
    private readonly SortedList<ulong, SnapshotSender> _senders = [];
    private readonly SnapshotReceiver _receiver;
    private int _frames;
    private volatile bool _isSending;

    /// <summary>The callbacks run in this step.</summary>
    public SnapshotExchange(
        RaftNodeOptions options,
        Action<SnapshotFrame, StagedSnapshot> arrived,
        Action<ReplicaId, LogIndex, bool> sent,
        Action<StoredSnapshot> stored)
    {
        (_options, _sent, _stored) = (options, sent, stored);
        _receiver = new SnapshotReceiver(options, arrived);
    }

    /// <summary>True while a snapshot is on its way to a peer, which answers.</summary>
    public bool IsSending => _isSending;

    public bool RunOnce()
    {
        if (!_inputs.TryDequeue(out Action? input)) return false;
        input();
        return true;
    }

    /// <summary>A frame about a snapshot; dropped when too many wait.</summary>
    public void Receive(SnapshotFrame frame)
    {
        if (Volatile.Read(ref _frames) >= FramesMax) return;
        Interlocked.Increment(ref _frames);
        _inputs.Enqueue(() =>
        {
            Interlocked.Decrement(ref _frames);
            OnFrame(frame);
        });
    }

    /// <summary>Sends the newest snapshot to a replica, if none is on its way there.</summary>
    public void Send(ReplicaId peer, LogIndex atLeast, Term term) => _inputs.Enqueue(() =>
    {
        if (_senders.ContainsKey(peer.Value)) return;
        if (_options.Snapshots.Latest is not { } latest || latest.Meta.Index < atLeast)
        {
            _sent(peer, atLeast, false);
            return;
        }

        SnapshotSender sender = new(_options, latest, peer, term);
        _senders.Add(peer.Value, sender);
        _isSending = true;
        sender.Offer();
    });

    /// <summary>This replica leads no more.</summary>
    public void StopSending()
    {
        if (_isSending) _inputs.Enqueue(Clear);
    }

    public void Tick()
    {
        if (_isSending) _inputs.Enqueue(TickSenders);
    }

    /// <summary>Stores what was captured.</summary>
    public void Store(SnapshotMeta meta, Action<Stream> write) => _inputs.Enqueue(() =>
    {
        using ISnapshotStaging staging = _options.Snapshots.Stage(meta, SnapshotOrigin.Own, 0);
        staging.Clear();
        using StagingStream stream = new(staging);
        write(stream);
        _stored(staging.Commit(stream.Checksum));
    });

    public void Release() => _inputs.Enqueue(_receiver.Release);

    public void AnswerDone(in SnapshotFrame offer) => _receiver.Answer(offer, SnapshotAckState.Done, 0);

    public void Dispose() => _receiver.Dispose();

    private void OnFrame(in SnapshotFrame frame)
    {
        if (frame.Kind == FrameKind.SnapshotOffer) _receiver.OnOffer(frame);
        else if (frame.Kind == FrameKind.SnapshotChunk) _receiver.OnChunk(frame);
        else if (_senders.TryGetValue(frame.From.Value, out SnapshotSender? sender))
            Finish(frame.From, sender, sender.OnAck(frame));
    }

    private void TickSenders()
    {
        foreach ((ulong peer, SnapshotSender sender) in _senders.ToArray())
            Finish(new ReplicaId(peer), sender, sender.Tick());
    }

    private void Finish(ReplicaId peer, SnapshotSender sender, bool? outcome)
    {
        if (outcome is not { } isDelivered) return;
        _senders.Remove(peer.Value);
        _isSending = _senders.Count > 0;
        _sent(peer, sender.Index, isDelivered);
    }

    private void Clear()
    {
        _senders.Clear();
        _isSending = false;
    }
}
