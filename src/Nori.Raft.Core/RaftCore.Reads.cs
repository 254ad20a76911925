using Nori.Core;

namespace Nori.Raft.Core;

// Dissertation §6.4 (read index) and §6.4.1 (leases).
public sealed partial class RaftCore
{
    private readonly ReadIndexQueue _reads;
    private readonly Lease _lease;
    private readonly Func<ReplicaId, ulong> _roundOf;

    // Requests on their way to the leader, by the id they travel under.
    private readonly SortedList<ulong, (ulong Context, int Age)> _forwarded = [];
    private ulong _round;
    private ulong _confirmedRound;
    private bool _roundDue;

    /// <summary>
    /// Asks for an index such that a state applied up to it reflects every write that was acknowledged before
    /// this call. On a leader it waits for the next round of heartbeats; on others it goes to the leader.
    /// </summary>
    /// <param name="context">Comes back in the <see cref="ReadState"/>.</param>
    public ReadIndexStatus TryReadIndex(ulong context)
    {
        if (_sleep != SleepState.Awake) WakeUp();
        if (Role == RaftRole.Leader)
        {
            PendingRead read = new(ReplicaId.None, context);
            return _reads.TryAdd(read) ? ReadIndexStatus.Queued : ReadIndexStatus.Busy;
        }

        if (_leader.IsNone) return ReadIndexStatus.NoLeader;
        if (_forwarded.Count >= _options.PendingReadsMax) return ReadIndexStatus.Busy;
        // A random id: an answer to a request of the process before must not serve one of this process.
        ulong id = _random.NextUInt64();
        if (!_forwarded.TryAdd(id, (context, 0))) return ReadIndexStatus.Busy;
        Send(_leader, MessageKind.ReadIndex, r => r with { Context = id });
        return ReadIndexStatus.Forwarded;
    }

    /// <summary>
    /// Begins a read under the lease: wait until the state is applied up to the index, read it, and then ask
    /// <see cref="ConfirmLeaseRead"/>; only its yes makes what was read an answer.
    /// </summary>
    /// <returns>False without a lease: use <see cref="TryReadIndex"/>.</returns>
    public bool TryBeginLeaseRead(long nowNanoseconds, out LeaseRead read)
    {
        read = new LeaseRead(_term, _commit);
        return HoldsLease(nowNanoseconds);
    }

    /// <summary>
    /// Whether the lease still holds <b>after</b> the state was read. Between a check before and the read a
    /// process may stand still for longer than any lease.
    /// </summary>
    /// <param name="read">What <see cref="TryBeginLeaseRead"/> gave.</param>
    /// <param name="nowNanoseconds">The clock, looked at after the read.</param>
    public bool ConfirmLeaseRead(in LeaseRead read, long nowNanoseconds) =>
        read.Term == _term && HoldsLease(nowNanoseconds);

    /// <summary>
    /// The lease as it is now, for a driver whose readers look at it from other threads: a state applied through
    /// <see cref="TermStart"/> that was read before <paramref name="endNanoseconds"/>, by a clock looked at <b>after</b>
    /// the read, reflects every write that was acknowledged before the read began. What another replica may have shown, which
    /// nobody acknowledged yet, it reflects if it is applied through <see cref="Commit"/> of then. Readers must learn of
    /// both, and of a lease's end, before the driver sends what the core asks it to send.
    /// </summary>
    /// <param name="confirmedNanoseconds">When the last round was sent that a quorum confirmed.</param>
    /// <param name="endNanoseconds">When the lease ends.</param>
    /// <returns>False without a lease.</returns>
    public bool TryGetLease(out long confirmedNanoseconds, out long endNanoseconds)
    {
        (confirmedNanoseconds, endNanoseconds) = (_lease.Start, _lease.End);
        return HoldsLease(_lease.Start);
    }

    /// <summary>The entry that begins this leader's term; 0 for others than leaders.</summary>
    public LogIndex TermStart => _termStart;

    private bool HoldsLease(long nowNanoseconds) => Role == RaftRole.Leader && _sleep == SleepState.Awake
        && _commit >= _termStart && _lease.Covers(nowNanoseconds);

    // "If the leader has not yet marked an entry from its current term committed, it waits until it has done
    // so" (dissertation §6.4): its commit index may lag behind what its predecessors acknowledged.
    private bool CanCloseReads => _reads.HasWaiting && _commit >= _termStart;

    private bool MustOpenRound => _roundDue || (CanCloseReads && _reads.RoundsInFlight < _options.ReadRoundsMax);

    // Called when a Ready is taken: the round is sent no earlier than now.
    private void OpenRound(long nowNanoseconds)
    {
        _roundDue = false;
        _round++;
        if (CanCloseReads) _reads.Close(_round, _commit);
        _lease.OnSent(_round, nowNanoseconds);
        foreach (Progress peer in _progress)
        {
            _messages.Add(NewMessage(peer.Id, MessageKind.Heartbeat) with
            {
                Commit = LogIndex.Min(peer.Match, _commit), Round = _round,
            });
        }

        ConfirmRounds();
    }

    private void ConfirmRounds()
    {
        ulong confirmed = Configuration.Quorum.Reached(_roundOf);
        if (confirmed <= _confirmedRound) return;
        _confirmedRound = confirmed;
        _lease.OnConfirmed(confirmed);
        _reads.Complete(confirmed, OnReadConfirmed);
    }

    private void OnReadConfirmed(PendingRead read, LogIndex index)
    {
        if (read.Origin.IsNone)
        {
            _readStates.Add(new ReadState(read.Context, index, false));
            return;
        }

        Send(read.Origin, MessageKind.ReadIndexResponse, r => r with { Index = index, Context = read.Context });
        // It can look at its state only once it knows that this is committed.
        if (FindProgress(read.Origin) is not { } peer || peer.SentCommit >= index) return;
        (peer.WantsCommit, _appendsDue) = (true, true);
    }

    private void AbortReads() => _reads.Abort(read =>
    {
        if (read.Origin.IsNone) _readStates.Add(new ReadState(read.Context, default, true));
        else
            Send(
                read.Origin,
                MessageKind.ReadIndexResponse,
                r => r with { Context = read.Context, IsRejected = true });
    });

    private StepResult StepReadIndex(in RaftMessage m)
    {
        if (_sleep != SleepState.Awake) WakeUp();
        if (!_reads.TryAdd(new PendingRead(m.From, m.Context)))
            RejectRead(m);
        return StepResult.Processed;
    }

    private void RejectRead(in RaftMessage m) => Send(
        m, MessageKind.ReadIndexResponse, (r, request) => r with { Context = request.Context, IsRejected = true });

    private StepResult OnReadIndexResponse(in RaftMessage m)
    {
        if (!_forwarded.Remove(m.Context, out (ulong Context, int Age) read)) return StepResult.Ignored;
        _readStates.Add(new ReadState(read.Context, m.IsRejected ? default : m.Index, m.IsRejected));
        return StepResult.Processed;
    }

    // A request or its answer may be lost: after an election timeout it is given up.
    private void TickForwarded()
    {
        for (int i = _forwarded.Count - 1; i >= 0; i--)
        {
            (ulong context, int age) = _forwarded.GetValueAtIndex(i);
            if (age + 1 < _options.ElectionTicksMin)
            {
                _forwarded.SetValueAtIndex(i, (context, age + 1));
                continue;
            }

            _forwarded.RemoveAt(i);
            _readStates.Add(new ReadState(context, default, true));
        }
    }
}
