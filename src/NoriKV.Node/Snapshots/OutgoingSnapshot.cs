using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Snapshots;

/// <summary>
/// One snapshot on its way to one replica: pins a view, offers it, keeps a window of chunks on their way, sends again what
/// got lost. Its memory is the window and one record, however slow the receiver is.
/// </summary>
internal sealed class OutgoingSnapshot
{
    private readonly SnapshotLine _line;
    private readonly Queue<(uint Number, byte[] Frame)> _unconfirmed = new();
    private readonly byte[] _payload;
    private readonly long _began;
    private SnapshotSource? _source;
    private SnapshotStreamId _stream;
    private Raft.SnapshotMeta? _meta;
    private bool _isTaken;
    private uint _confirmed;
    private uint _cursor;
    private long _unconfirmedBytes;
    private long _openedAt;
    private long _progressAt;
    private long _sentAt;
    private long _notBefore;
    private long _rewoundAt;
    private bool _endSent;
    private int _attempts;

    public OutgoingSnapshot(SnapshotLine line, ShardId shard, ReplicaId to, NodeNumber node, Term term, LogIndex atLeast)
    {
        _line = line;
        (Shard, To, Node, Term, AtLeast) = (shard, to, node, term, atLeast);
        _payload = new byte[line.Options.ChunkBytes];
        _began = line.Now;
        _progressAt = _began;
        _notBefore = _began;
    }

    public ShardId Shard { get; }

    public ReplicaId To { get; }

    public NodeNumber Node { get; }

    public Term Term { get; }

    public LogIndex AtLeast { get; }

    /// <summary>It holds a view of the engine.</summary>
    public bool IsActive => _source is not null;

    /// <summary>For how long it has been under way, from the opening of its view.</summary>
    public TimeSpan Age => _line.Elapsed(_openedAt, _line.Now);

    /// <summary>Null while it goes on; then whether it was delivered.</summary>
    public bool? Outcome { get; private set; }

    /// <summary>What it covers; 0 while that is not known.</summary>
    public LogIndex Index => new(_meta?.Index.Value ?? 0);

    public SnapshotStreamId Stream => _stream;

    /// <summary>Bytes of chunks held in memory.</summary>
    public long WindowBytes => _unconfirmedBytes;

    /// <summary>Goes on as far as it may now; false when there was nothing to do.</summary>
    public bool RunOnce(bool mayOpen)
    {
        long now = _line.Now;
        if (_source is null) return mayOpen && now >= _notBefore && Open(now);
        if (_line.Elapsed(_progressAt, now) > _line.Options.IdleMax || _line.Elapsed(_openedAt, now) > _line.Options.ViewMax)
        {
            End(isDelivered: false);
            return true;
        }

        bool isLate = _line.Elapsed(_sentAt, now) >= _line.Options.RetryInterval;
        if (!_isTaken) return now >= _notBefore && isLate && Offer(now);
        if (isLate) _cursor = _confirmed;
        return SendChunks(now) | SendEnd(now, isLate);
    }

    public void OnFrame(in SnapshotFrame frame)
    {
        if (_source is null || Outcome is not null) return;
        switch (frame.Kind)
        {
            case SnapshotFrameKind.Progress:
                OnProgress(frame);
                break;
            case SnapshotFrameKind.Done when _source.AtEnd:
                End(isDelivered: true);
                break;
            case SnapshotFrameKind.Refuse:
                OnRefused(frame.Refusal);
                break;
        }
    }

    /// <summary>It is not wanted any more; tells the receiver.</summary>
    public void Cancel()
    {
        if (_source is not null) _line.Send(Node, SnapshotFrame.Bare(SnapshotFrameKind.Cancel, _line.Options.ClusterHash, _stream));
        End(isDelivered: false);
    }

    private bool Open(long now)
    {
        if (_line.Elapsed(_began, now) > _line.Options.IdleMax && _line.Elapsed(_progressAt, now) > _line.Options.IdleMax)
        {
            End(isDelivered: false);
            return true;
        }

        // What is not there yet may come: what the index names is being applied.
        _notBefore = now + _line.Ticks(_line.Options.RetryInterval / 8);
        ReplicaId own = _line.Host.ReplicaOf(Shard);
        if (own.Value == 0) return false;
        SnapshotSource? source = OpenSource(_line.Storage, _line.Replicas, Shard, _line.RetentionMs);
        if (source is null) return false;
        bool isUsable = source.State.Replica == own
            && source.State.Applied.CompareTo(AtLeast) >= 0
            && TryDescribe(source.State, out _meta);
        if (!isUsable)
        {
            source.Dispose();
            _meta = null;
            return false;
        }

        _source = source;
        _openedAt = now;
        _progressAt = now;
        _notBefore = now;
        Renumber(own);
        _line.Options.Events.Emit(new SnapshotCut(Shard, source.State.Applied, Finished: false));
        return true;
    }

    // The state record lies in the same view: it says itself who took part at its applied index.
    private static bool TryDescribe(ShardState state, out Raft.SnapshotMeta? meta)
    {
        meta = null;
        if (!ShardConfiguration.TryToRaft(state.Configuration, out Raft.Configuration configuration)) return false;
        if (configuration.Voters.Count == 0) return false;
        meta = new Raft.SnapshotMeta(
            new Raft.LogIndex(state.Applied.Value), new Raft.Term(state.AppliedTerm.Value),
            new Raft.ConfigurationEntry(new Raft.LogIndex(state.ConfigurationIndex.Value), configuration));
        return true;
    }

    /// <summary>
    /// A view and the slot that is live in it: the slot is looked at on both sides of opening, as an install empties the old
    /// one behind the change.
    /// </summary>
    private static SnapshotSource? OpenSource(IStorage storage, ReplicaTable replicas, ShardId shard, long retentionMs)
    {
        while (true)
        {
            uint slot = replicas.SlotOf(shard);
            IStorageView view = storage.OpenView();
            if (replicas.SlotOf(shard) == slot) return SnapshotSource.Open(view, slot, retentionMs);
            view.Dispose();
        }
    }

    private void Renumber(ReplicaId own)
    {
        _stream = new SnapshotStreamId(Shard, own, To, _line.NextStream());
        _unconfirmed.Clear();
        _unconfirmedBytes = 0;
        _confirmed = _cursor = 0;
        _isTaken = false;
        _sentAt = _line.Now - _line.Ticks(_line.Options.RetryInterval);
    }

    private bool Offer(long now)
    {
        if (!_line.Send(Node, SnapshotFrame.Offer(_line.Options.ClusterHash, _stream, Term, _meta!)))
        {
            _notBefore = now + _line.Ticks(_line.Options.RetryInterval / 8);
            return false;
        }

        _sentAt = now;
        return true;
    }

    private bool SendChunks(long now)
    {
        bool worked = false;
        while (TryPeekChunk(out byte[] frame))
        {
            if (!_line.Budget.TryTake(frame.Length) || !_line.Send(Node, frame)) return worked;
            _cursor++;
            _sentAt = now;
            worked = true;
        }

        return worked;
    }

    /// <summary>The chunk to send next: one that got lost, or a new one if the window has room.</summary>
    private bool TryPeekChunk(out byte[] frame)
    {
        uint made = _confirmed + (uint)_unconfirmed.Count;
        if (_cursor < made)
        {
            frame = _unconfirmed.ElementAt((int)(_cursor - _confirmed)).Frame;
            return true;
        }

        frame = [];
        bool hasRoom = _unconfirmed.Count == 0 || _unconfirmedBytes + _payload.Length <= _line.Options.WindowBytes;
        if (!hasRoom || _source!.AtEnd) return false;
        int length = _source.Take(_payload);
        frame = SnapshotFrame.Chunk(_line.Options.ClusterHash, _stream, made, _payload.AsSpan(0, length));
        _unconfirmed.Enqueue((made, frame));
        _unconfirmedBytes += frame.Length;
        return true;
    }

    private bool SendEnd(long now, bool isLate)
    {
        bool isAllSent = _source!.AtEnd && _cursor == _confirmed + (uint)_unconfirmed.Count;
        bool isFirst = !_endSent && isAllSent;
        if (!isFirst && !(isAllSent && isLate)) return false;
        if (!_line.Send(Node, SnapshotFrame.Last(_line.Options.ClusterHash, _stream, _source.Totals))) return false;
        _endSent = true;
        _sentAt = now;
        return true;
    }

    private void OnProgress(in SnapshotFrame frame)
    {
        if (frame.Number < _confirmed || frame.Number > _confirmed + (uint)_unconfirmed.Count) return;
        long now = _line.Now;
        if (!_isTaken || frame.Number > _confirmed) _progressAt = now;
        _isTaken = true;
        for (; _confirmed < frame.Number; _confirmed++) _unconfirmedBytes -= _unconfirmed.Dequeue().Frame.Length;
        if (_cursor < _confirmed) _cursor = _confirmed;
        // Several frames behind a lost one say so: what was sent again a moment ago is on its way.
        if (!frame.IsMissing || _line.Elapsed(_rewoundAt, now) < _line.Options.RetryInterval / 8) return;
        _rewoundAt = now;
        _cursor = _confirmed;
        _endSent = false;
    }

    private void OnRefused(SnapshotRefusal refusal)
    {
        switch (refusal)
        {
            case SnapshotRefusal.NotNeeded:
                End(isDelivered: false);
                break;
            case SnapshotRefusal.Busy or SnapshotRefusal.NoSpace:
                // Not with a view pinned: by then a fresher one is worth more.
                CloseSource();
                _progressAt = _line.Now;
                TryAgain(refusal == SnapshotRefusal.Busy ? 0.25 : 1);
                break;
            default:
                if (++_attempts >= _line.Options.AttemptsMax)
                {
                    End(isDelivered: false);
                    break;
                }

                _source!.Rewind();
                Renumber(_stream.From);
                TryAgain(0.25);
                break;
        }
    }

    private void TryAgain(double intervals)
    {
        _endSent = false;
        _notBefore = _line.Now + _line.Ticks(_line.Options.RetryInterval * intervals);
    }

    private void CloseSource()
    {
        _source?.Dispose();
        _source = null;
        _meta = null;
        _unconfirmed.Clear();
        _unconfirmedBytes = 0;
    }

    private void End(bool isDelivered)
    {
        if (Outcome is not null) return;
        Outcome = isDelivered;
        _source?.Dispose();
        _source = null;
        _unconfirmed.Clear();
        _unconfirmedBytes = 0;
    }
}
