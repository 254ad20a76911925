using Nori.Core;
using Nori.Observe;
using Nori.Raft.Core;

namespace Nori.Raft;

// Snapshots: taken here and the log cut behind them, sent to those who lack what was cut, installed here.
public sealed partial class RaftNode
{
    // So many times what is due without it may gather while a snapshot is on its way: a newer one would take its place, and the peer
    // begin again; where that takes longer than the time between two, for ever.
    private const int SendingPatience = 8;

    private readonly List<TaskCompletionSource<LogIndex>> _snapshotWaiters = [];
    private LogIndex _snapshotIndex;
    private bool _isCapturing;
    private (LogIndex Index, Action<Stream> Write)? _captured;
    private (SnapshotMeta Meta, StagedSnapshot Staged)? _arrived;

    /// <summary>
    /// Takes a snapshot now and cuts the log behind it, but for <see cref="RaftNodeOptions.RetainedEntries"/>.
    /// </summary>
    /// <returns>What it covers.</returns>
    /// <exception cref="RaftStoppedException">The replica stopped.</exception>
    public Task<LogIndex> TakeSnapshotAsync(CancellationToken cancellationToken = default)
    {
        TaskCompletionSource<LogIndex> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Call(done, () =>
        {
            _snapshotWaiters.Add(done);
            Capture();
        });
        return done.Task.WaitAsync(cancellationToken);
    }

    private void CompactIfDue()
    {
        if (_captured is { } captured && captured.Index <= _core.DurableIndex) Store(captured.Index, captured.Write);
        if (_isCapturing) return;
        int patience = _exchange.IsSending ? SendingPatience : 1;
        bool isDue = _options.CompactionEntries > 0
            && (_fed.Value - _snapshotIndex.Value) / (ulong)patience >= _options.CompactionEntries;
        isDue |= _options.CompactionBytes > 0 && _fedBytes / patience >= _options.CompactionBytes;
        if (isDue && _fed > _snapshotIndex) Capture();
    }

    private void Capture()
    {
        if (_isCapturing) return;
        _isCapturing = true;
        _applier.Enqueue(new ApplyJob.Capture());
        Wake(ApplyStep);
    }

    // The state machine's step.
    private void OnCaptured(LogIndex index, Action<Stream> write) => Post(() => _captured = (index, write));

    // Only what the own log holds durably: a log behind its snapshot is a case for crashes, not for every day.
    private void Store(LogIndex index, Action<Stream> write)
    {
        _captured = null;
        if (index > _snapshotIndex && _core.TryDescribeSnapshot(index, out SnapshotMeta? meta))
        {
            _exchange.Store(meta!, write);
            Wake(SnapshotStep);
            return;
        }

        EndCapture();
    }

    // The snapshot step.
    private void OnSnapshotStored(StoredSnapshot snapshot) => Post(() =>
    {
        LogIndex index = snapshot.Meta.Index;
        if (index > _snapshotIndex)
        {
            _snapshotIndex = index;
            _fedBytes = 0;
            _options.Events.Emit(new SnapshotStored(_options.Group.Value, index.Value, false));
        }

        if (index.Value > _options.RetainedEntries) CutLog(new LogIndex(index.Value - _options.RetainedEntries));
        EndCapture();
    });

    private void EndCapture()
    {
        _isCapturing = false;
        foreach (TaskCompletionSource<LogIndex> waiter in _snapshotWaiters) waiter.TrySetResult(_snapshotIndex);
        _snapshotWaiters.Clear();
    }

    private void CutLog(LogIndex index)
    {
        if (index <= _core.BaseIndex || !_core.TryDescribeSnapshot(index, out SnapshotMeta? meta)) return;
        if (!_core.TruncatePrefix(index)) return;
        RaftLogBase start = new(meta!.Index, meta.Term, meta.Configuration, false);
        _writer.Enqueue(new LogJob(0, new RaftLogWrite { Base = start, MustSync = false }, null));
        Wake(LogStep);
    }

    private void OnSnapshotRequest(in SnapshotRequest request)
    {
        _exchange.Send(request.Peer, request.AtLeast, _core.Term);
        Wake(SnapshotStep);
    }

    // The snapshot step.
    private void OnSnapshotSent(ReplicaId peer, LogIndex index, bool isDelivered) =>
        Post(() => _core.ReportSnapshot(peer, index, isDelivered));

    private bool TakeSnapshotFrame(in SnapshotFrame frame)
    {
        if (frame.Group != _options.Group || frame.To != Replica || frame.From.IsNone || frame.From == Replica) return false;
        if (frame.Kind == FrameKind.SnapshotOffer)
        {
            // An old leader learns by its own messages that it is one.
            if (frame.Term < _core.Term) return true;
            if (!_core.NeedsSnapshot(frame.Meta))
            {
                _exchange.AnswerDone(frame);
                return true;
            }
        }

        _exchange.Receive(frame);
        Wake(SnapshotStep);
        return true;
    }

    // The snapshot step: one is here, whole and checked.
    private void OnSnapshotArrived(SnapshotFrame offer, StagedSnapshot staged) => Post(() =>
    {
        RaftMessage message = new()
        {
            Kind = MessageKind.Snapshot, Group = _options.Group, From = offer.From, To = Replica, Term = offer.Term,
            Snapshot = staged.Meta,
        };
        bool isNeeded = _core.NeedsSnapshot(staged.Meta);
        _arrived = (staged.Meta, staged);
        _core.Step(message);
        // Taken: the core stands at it now, and its next Ready asks for the installation.
        if (isNeeded && _core.BaseIndex == staged.Meta.Index && _core.LastIndex == staged.Meta.Index)
        {
            _exchange.AnswerDone(offer);
            return;
        }

        _arrived = null;
        staged.Discard();
        _exchange.Release();
        if (!_core.NeedsSnapshot(staged.Meta)) _exchange.AnswerDone(offer);
    });

    private void BeginInstall(SnapshotMeta meta)
    {
        _tail.Reset(meta.Index);
        _awaitsRestore = true;
        foreach ((LogIndex index, PendingCommand command) in _waiting.ToArray())
        {
            if (index > meta.Index) continue;
            // The snapshot may hold its effect, or not: nobody here can see.
            _waiting.Remove(index);
            for (PendingCommand? each = command; each is not null; each = each.Earlier)
                each.Refuse(CommandStatus.Unknown, _core.Leader);
        }
    }

    private StagedSnapshot TakeInstall()
    {
        Invariant.Assert(_arrived is not null);
        StagedSnapshot staged = _arrived.Value.Staged;
        _arrived = null;
        return staged;
    }

    // The snapshot and the log that begins behind it are durable.
    private void EndInstall(SnapshotMeta meta)
    {
        _exchange.Release();
        _snapshotIndex = LogIndex.Max(_snapshotIndex, meta.Index);
        (_fed, _fedBytes, _awaitsRestore) = (meta.Index, 0, false);
        _committed = LogIndex.Max(_committed, meta.Index);
        _applier.Enqueue(new ApplyJob.Restore());
        Wake(ApplyStep);
        _options.Events.Emit(new SnapshotStored(_options.Group.Value, meta.Index.Value, true));
    }
}
