using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// Sends one snapshot to one replica: offers it, then keeps a window of chunks on the way behind what the other side
/// says it has. Whatever is lost is found out by the next answer, or by time.
/// </summary>
internal sealed class SnapshotSender(RaftNodeOptions options, StoredSnapshot snapshot, ReplicaId peer, Term term)
{
    private const int RetryTicks = 10;
    private const int GiveUpTicks = 200;
    private const long None = -1;
    private readonly byte[] _chunk = new byte[options.SnapshotChunkBytes];
    private long _acked = None;
    private long _next;
    private long _gapAt = None;
    private int _sinceProgress;

    public LogIndex Index => snapshot.Meta.Index;

    public void Offer()
    {
        SnapshotFrame offer = NewFrame(FrameKind.SnapshotOffer, snapshot.Bytes) with
        {
            Configuration = snapshot.Meta.Configuration,
        };
        options.Transport.TrySend(peer, RaftChannel.Snapshots, Frames.Snapshot(offer));
    }

    /// <summary>Null while it goes on; true when it is there, false when it is given up.</summary>
    public bool? OnAck(in SnapshotFrame ack)
    {
        if (!ack.IsAbout(NewFrame(FrameKind.SnapshotAck, 0)) || ack.Offset > snapshot.Bytes) return null;
        switch (ack.State)
        {
            case SnapshotAckState.Done:
                return true;
            case SnapshotAckState.Refused:
                return false;
            case SnapshotAckState.Gap when ack.Offset != _gapAt:
                // Every chunk behind a lost one is answered like this: only the first answer means something.
                (_gapAt, _acked, _next, _sinceProgress) = (ack.Offset, ack.Offset, ack.Offset, 0);
                break;
            case SnapshotAckState.Continue when ack.Offset > _acked:
                (_acked, _next, _sinceProgress) = (ack.Offset, Math.Max(_next, ack.Offset), 0);
                break;
        }

        return Send();
    }

    /// <summary>As <see cref="OnAck"/>.</summary>
    public bool? Tick()
    {
        if (++_sinceProgress >= GiveUpTicks) return false;
        if (_sinceProgress % RetryTicks != 0) return null;
        Offer();
        if (_acked == None) return null;
        (_next, _gapAt) = (_acked, None);
        return Send();
    }

    private bool? Send()
    {
        if (_acked == None) return null;
        long window = (long)options.SnapshotChunksMax * options.SnapshotChunkBytes;
        while (_next < snapshot.Bytes && _next - _acked < window)
        {
            int read = options.Snapshots.Read(snapshot, _next, _chunk);
            // A newer one took its place: the core asks again.
            if (read <= 0) return false;
            SnapshotFrame chunk = NewFrame(FrameKind.SnapshotChunk, _next) with { Data = _chunk.AsMemory(0, read) };
            if (!options.Transport.TrySend(peer, RaftChannel.Snapshots, Frames.Snapshot(chunk))) break;
            _next += read;
        }

        return null;
    }

    private SnapshotFrame NewFrame(FrameKind kind, long offset) => new()
    {
        Kind = kind, Group = options.Group, From = options.Replica, To = peer, Term = term,
        Index = snapshot.Meta.Index, IndexTerm = snapshot.Meta.Term, Checksum = snapshot.Checksum, Offset = offset,
    };
}
