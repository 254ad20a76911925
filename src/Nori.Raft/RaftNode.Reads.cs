using System.Collections.Concurrent;
using Nori.Raft.Core;

namespace Nori.Raft;

// Reads: to the leader for an index, or to the lease; then to the state machine; and, of a lease, back.
public sealed partial class RaftNode
{
    private readonly Dictionary<ulong, ReadCall> _indexReads = [];
    private readonly List<ReadCall> _leaderless = [];
    private readonly Queue<ReadCall> _readDeadlines = [];
    private readonly ConcurrentQueue<ReadCall> _leaseReads = new();
    private ulong _readContext;

    // The state machine's step: read under a lease, to be confirmed.
    private void OnRead(ReadCall call) => _leaseReads.Enqueue(call);

    private bool TakeReads()
    {
        bool worked = false;
        while (_leaseReads.TryDequeue(out ReadCall? call))
        {
            Confirm(call);
            worked = true;
        }

        while (_newReads.TryDequeue(out ReadCall? call))
        {
            call.Deadline = _ticks + PatienceTicks;
            _readDeadlines.Enqueue(call);
            Begin(call);
            worked = true;
        }

        return worked;
    }

    private void Begin(ReadCall call)
    {
        if (call.IsOver) return;
        if (call.Consistency == ReadConsistency.Stale)
        {
            Execute(call);
            return;
        }

        if (call.Consistency == ReadConsistency.Lease && _core.TryBeginLeaseRead(LeaseNow, out LeaseRead lease))
        {
            (call.Lease, call.Index) = (lease, lease.Index);
            Execute(call);
            return;
        }

        switch (_core.TryReadIndex(++_readContext))
        {
            case ReadIndexStatus.NoLeader:
                _leaderless.Add(call);
                break;
            case ReadIndexStatus.Busy:
                call.Complete(ReadStatus.Overloaded);
                break;
            default:
                _indexReads.Add(_readContext, call);
                break;
        }
    }

    private void Execute(ReadCall call)
    {
        _applier.Enqueue(call);
        Wake(ApplyStep);
    }

    // Between the check before and the read the process may have stood still for longer than any lease.
    private void Confirm(ReadCall call)
    {
        if (_core.ConfirmLeaseRead(call.Lease!.Value, LeaseNow))
        {
            call.Complete(ReadStatus.Done);
            return;
        }

        (call.Lease, call.Consistency) = (null, ReadConsistency.Linearizable);
        Begin(call);
    }

    private void OnReadState(in ReadState state)
    {
        if (!_indexReads.Remove(state.Context, out ReadCall? call)) return;
        if (state.IsAborted)
        {
            // Leadership went away, or the question got lost: asked again with the next tick.
            _leaderless.Add(call);
            return;
        }

        call.Index = state.Index;
        Execute(call);
    }

    private void ExpireReads()
    {
        while (_readDeadlines.TryPeek(out ReadCall? first) && (first.IsOver || first.Deadline <= _ticks))
        {
            _readDeadlines.Dequeue();
            if (!first.IsOver) first.Complete(ReadStatus.NoLeader);
        }

        if (_leaderless.Count == 0) return;
        ReadCall[] again = [.. _leaderless];
        _leaderless.Clear();
        foreach (ReadCall call in again) Begin(call);
    }

    private void AbandonReads(Exception? failure)
    {
        while (_newReads.TryDequeue(out ReadCall? call)) call.Abandon(failure);
        foreach (ReadCall call in _readDeadlines) call.Abandon(failure);
        _readDeadlines.Clear();
        _indexReads.Clear();
        _leaderless.Clear();
    }
}
