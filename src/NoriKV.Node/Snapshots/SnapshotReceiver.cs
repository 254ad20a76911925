using Nori.IO;
using Nori.SSTable;
using NoriKV.Types;

namespace NoriKV.Node.Snapshots;

/// <summary>All snapshots that this node receives: one for a shard, few at a time.</summary>
internal sealed class SnapshotReceiver(SnapshotLine line, SnapshotStaging staging)
{
    private const int RememberedMax = 64;

    private readonly Dictionary<ShardId, IncomingSnapshot> _streams = [];
    private readonly Queue<SnapshotStreamId> _finished = new();
    private readonly SlotReserve _slots = new(line.Slots, line.Storage);

    /// <summary>True while anything is under way.</summary>
    public bool HasWork => _streams.Count > 0 || _slots.IsFetching;

    /// <summary>Streams under way.</summary>
    public int Active => _streams.Count;

    /// <summary>Takes a frame that a sender sent.</summary>
    public void OnFrame(NodeNumber from, in SnapshotFrame frame)
    {
        if (line.Host.ReplicaOf(frame.Stream.Shard) != frame.Stream.To)
        {
            line.Counters.Foreign.Add();
            return;
        }

        IncomingSnapshot? stream = _streams.GetValueOrDefault(frame.Stream.Shard);
        try
        {
            if (frame.Kind == SnapshotFrameKind.Offer) OnOffer(from, frame, stream);
            else if (stream is not null && stream.Stream == frame.Stream) OnNext(frame, stream);
            else OnUnknown(from, frame);
        }
        catch (StorageException)
        {
            // Nothing of it is part of the store: it goes as a whole, and a new one gets new files.
            if (_streams.GetValueOrDefault(frame.Stream.Shard) is { } broken) Discard(broken);
            Answer(from, SnapshotFrame.Refuse(line.Options.ClusterHash, frame.Stream, SnapshotRefusal.NoSpace));
        }
    }

    public bool RunOnce()
    {
        bool worked = _slots.RunOnce();
        long now = line.Now;
        List<IncomingSnapshot>? idle = null;
        foreach (IncomingSnapshot stream in _streams.Values)
        {
            if (line.Elapsed(stream.ProgressAt, now) > line.Options.IdleMax) (idle ??= []).Add(stream);
            if (!stream.OwesProgress) continue;
            stream.OwesProgress = false;
            Answer(stream.Node, SnapshotFrame.Progress(line.Options.ClusterHash, stream.Stream, stream.Next, stream.IsMissing));
            stream.IsMissing = false;
            worked = true;
        }

        foreach (IncomingSnapshot stream in idle ?? []) Discard(stream);
        return worked | idle is not null;
    }

    public void Close()
    {
        foreach (IncomingSnapshot stream in _streams.Values.ToList()) Discard(stream);
    }

    private void OnOffer(NodeNumber from, in SnapshotFrame frame, IncomingSnapshot? present)
    {
        SnapshotStreamId id = frame.Stream;
        if (_finished.Contains(id))
        {
            Answer(from, SnapshotFrame.Bare(SnapshotFrameKind.Done, line.Options.ClusterHash, id));
        }
        else if (present is not null && present.Stream == id)
        {
            present.OwesProgress = true;
        }
        else if (present is not null && (id.IsBefore(present.Stream) || IsOlder(frame, present)))
        {
            line.Counters.OutOfOrder.Add();
        }
        else if (!line.Host.Needs(id.Shard, frame.Meta!))
        {
            Answer(from, SnapshotFrame.Refuse(line.Options.ClusterHash, id, SnapshotRefusal.NotNeeded));
        }
        else
        {
            if (present is not null) Discard(present);
            Begin(from, frame);
        }
    }

    private static bool IsOlder(in SnapshotFrame offer, IncomingSnapshot present)
    {
        int order = offer.LeaderTerm.CompareTo(present.LeaderTerm);
        return order < 0 || (order == 0 && offer.Meta!.Index.Value < present.Meta.Index.Value);
    }

    private void Begin(NodeNumber from, in SnapshotFrame frame)
    {
        if (!line.Storage.TakesTables)
        {
            // Not a failure of the node: its log keeps what its peers still send.
            Answer(from, SnapshotFrame.Refuse(line.Options.ClusterHash, frame.Stream, SnapshotRefusal.NoSpace));
            return;
        }

        if (_streams.Count >= line.Options.IncomingMax || !_slots.TryTake(out uint slot))
        {
            Answer(from, SnapshotFrame.Refuse(line.Options.ClusterHash, frame.Stream, SnapshotRefusal.Busy));
            return;
        }

        var tables = new SnapshotTables(staging, slot, new TableOptions
        {
            TargetFileBytes = line.Options.TableBytes,
            Compression = line.Options.Compression,
        });
        var stream = new IncomingSnapshot(
            frame.Stream, from, frame.LeaderTerm, frame.Meta!, tables, slot, line.RetentionMs)
        {
            BeganAt = line.Now,
            ProgressAt = line.Now,
            OwesProgress = true,
        };
        _streams.Add(frame.Stream.Shard, stream);
    }

    private void OnNext(in SnapshotFrame frame, IncomingSnapshot stream)
    {
        switch (frame.Kind)
        {
            case SnapshotFrameKind.Chunk:
                OnChunk(frame, stream);
                break;
            case SnapshotFrameKind.End when frame.Number > stream.Next:
                stream.OwesProgress = stream.IsMissing = true;
                break;
            case SnapshotFrameKind.End:
                Finish(frame, stream);
                break;
            case SnapshotFrameKind.Cancel:
                Discard(stream);
                break;
        }
    }

    private void OnChunk(in SnapshotFrame frame, IncomingSnapshot stream)
    {
        stream.OwesProgress = true;
        if (frame.Number != stream.Next)
        {
            // Behind: confirmed already. Ahead: what lies between got lost and is asked for.
            bool isAhead = frame.Number > stream.Next;
            stream.IsMissing |= isAhead;
            (isAhead ? line.Counters.OutOfOrder : line.Counters.Duplicate).Add();
            return;
        }

        if (!stream.TryTake(frame.Payload.Span))
        {
            Mismatch(stream);
            return;
        }

        line.Counters.BytesReceived.Add(frame.Payload.Length);
        stream.ProgressAt = line.Now;
    }

    private void Finish(in SnapshotFrame frame, IncomingSnapshot stream)
    {
        if (stream.Finish(frame.Totals, line.Storage, staging) is not { } staged)
        {
            Mismatch(stream);
            return;
        }

        _streams.Remove(stream.Stream.Shard);
        _finished.Enqueue(stream.Stream);
        if (_finished.Count > RememberedMax) _finished.Dequeue();
        line.Counters.Received.Add();
        line.Counters.ReceiveSeconds.Record(line.Elapsed(stream.BeganAt, line.Now).TotalSeconds);
        line.Host.Arrived(stream.Stream.Shard, stream.Stream.From, stream.LeaderTerm, staged);
        Answer(stream.Node, SnapshotFrame.Bare(SnapshotFrameKind.Done, line.Options.ClusterHash, stream.Stream));
    }

    private void Mismatch(IncomingSnapshot stream)
    {
        line.Counters.Mismatched.Add();
        Discard(stream);
        Answer(stream.Node, SnapshotFrame.Refuse(line.Options.ClusterHash, stream.Stream, SnapshotRefusal.Damaged));
    }

    private void OnUnknown(NodeNumber from, in SnapshotFrame frame)
    {
        if (_finished.Contains(frame.Stream))
        {
            Answer(from, SnapshotFrame.Bare(SnapshotFrameKind.Done, line.Options.ClusterHash, frame.Stream));
            return;
        }

        line.Counters.Unknown.Add();
        if (frame.Kind == SnapshotFrameKind.Cancel) return;
        Answer(from, SnapshotFrame.Refuse(line.Options.ClusterHash, frame.Stream, SnapshotRefusal.Unknown));
    }

    private void Discard(IncomingSnapshot stream)
    {
        _streams.Remove(stream.Stream.Shard);
        stream.Abandon();
        line.Counters.Discarded.Add();
    }

    /// <summary>An answer that is lost is asked for again.</summary>
    private void Answer(NodeNumber to, byte[] frame) => line.Send(to, frame);
}
