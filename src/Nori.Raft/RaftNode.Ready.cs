using Nori.Core;
using Nori.Observe;
using Nori.Raft.Core;

namespace Nori.Raft;

// What the core wants done: see the comments of Ready for what must be durable before what.
public sealed partial class RaftNode
{
    private const int LogStep = 1;
    private const int ApplyStep = 2;
    private const int SnapshotStep = 3;
    private const int EntriesPerFeed = 1024;
    private const long FeedBytes = 1 << 20;

    // Readies that are not durable yet, in order.
    private readonly Queue<Ready> _pending = [];
    private HardState _hardState;
    private HardState _storedHardState;

    // Known to be committed; handed to the state machine.
    private LogIndex _committed;
    private LogIndex _fed;
    private long _fedBytes;
    private bool _awaitsRestore;
    private bool _wasLeader;

    private void Act(Ready ready)
    {
        if (ready.Snapshot is { } snapshot) BeginInstall(snapshot);
        RaftEntry[] entries = _tail.Take(ready);
        foreach (RaftMessage message in ready.Messages) Send(message);
        Persist(ready, entries);
        if (ready.HasCommitted) _committed = ready.Committed.Last;
        foreach (ReadState state in ready.ReadStates) OnReadState(state);
        foreach (SnapshotRequest request in ready.SnapshotRequests) OnSnapshotRequest(request);
        foreach (RaftEvent e in ready.Events) OnEvent(e);
    }

    private void Persist(Ready ready, RaftEntry[] entries)
    {
        if (ready.HardState is { } hard) _hardState = hard;
        bool isHealed = ready.Events.Any(e => e.Kind == RaftEventKind.Healed);
        RaftLogWrite? write = null;
        StagedSnapshot? install = null;
        // A commit index by itself is not worth a write: it goes along with the next one.
        if (ready.MustSync || isHealed)
        {
            write = new RaftLogWrite
            {
                Base = ready.Snapshot is { } s ? new RaftLogBase(s.Index, s.Term, s.Configuration, true) : null,
                Entries = entries,
                HardState = _hardState == _storedHardState ? null : _hardState,
                IsDamaged = isHealed ? false : null,
                MustSync = true,
            };
            _storedHardState = _hardState;
        }

        if (ready.Snapshot is not null) install = TakeInstall();
        if (write is null && _pending.Count == 0)
        {
            Persisted(ready);
            return;
        }

        _pending.Enqueue(ready);
        _writer.Enqueue(new LogJob(ready.Number, write, install));
        Wake(LogStep);
    }

    private bool TakePersisted()
    {
        ulong persisted = _writer.Persisted;
        bool worked = false;
        while (_pending.TryPeek(out Ready? ready) && ready.Number <= persisted)
        {
            _pending.Dequeue();
            Persisted(ready);
            worked = true;
        }

        if (worked) _tail.Evict(_core.DurableIndex);
        return worked;
    }

    private void Persisted(Ready ready)
    {
        foreach (RaftMessage message in ready.MessagesAfterPersist) Send(message);
        _core.Advance(new Persisted(ready.Number));
        if (ready.Snapshot is { } snapshot) EndInstall(snapshot);
    }

    private void Send(in RaftMessage message) =>
        _options.Transport.TrySend(message.To, RaftChannel.Messages, Frames.Message(message, _tail));

    // Beyond the limit entries are left in the log until the state machine has got on.
    private void FeedApplier()
    {
        LogIndex limit = _options.AppliesOnlyDurable ? LogIndex.Min(_committed, _core.DurableIndex) : _committed;
        while (!_awaitsRestore && _fed < limit && _applier.QueuedBytes < _options.ApplyQueueBytesMax)
        {
            List<RaftEntry> entries = [];
            List<PendingCommand?> waiting = [];
            long bytes = 0;
            while (_fed < limit && entries.Count < EntriesPerFeed && bytes < FeedBytes)
            {
                RaftEntry entry = Committed(_fed.Next);
                _fed = entry.Index;
                entries.Add(entry);
                waiting.Add(TakeWaiting(entry));
                bytes += entry.Size;
            }

            _fedBytes += bytes;
            _applier.Enqueue(new ApplyJob.Entries([.. entries], [.. waiting], bytes));
            Wake(ApplyStep);
        }
    }

    private RaftEntry Committed(LogIndex index)
    {
        bool isKnown = _core.TryGetTerm(index, out Term term);
        Invariant.Assert(isKnown);
        return _tail.GetEntry(index, term);
    }

    private PendingCommand? TakeWaiting(in RaftEntry entry)
    {
        if (!_waiting.Remove(entry.Index, out PendingCommand? last)) return null;
        PendingCommand? found = null;
        for (PendingCommand? command = last; command is not null; command = command.Earlier)
        {
            if (command.Term == entry.Term) found = command;
            // Another leader's entry is committed in its place.
            else command.Refuse(CommandStatus.Lost, _core.Leader);
        }

        if (found is not null) _metrics.Commit.Record(_options.Time.GetElapsedTime(found.Started).TotalSeconds);
        return found;
    }

    private void OnEvent(in RaftEvent e)
    {
        ulong group = _options.Group.Value, self = Replica.Value;
        switch (e.Kind)
        {
            case RaftEventKind.BecameLeader:
                _wasLeader = true;
                _metrics.LeaderChanges.Add();
                _options.Events.Emit(new LeaderElected(group, e.Term.Value, self));
                break;
            case RaftEventKind.BecameCandidate:
                _metrics.Elections.Add();
                _options.Events.Emit(new VoteRequested(group, e.Term.Value, self));
                break;
            case RaftEventKind.BecameFollower:
                OnFollower(e);
                break;
            case RaftEventKind.TransferAborted:
                EndTransfer(TransferResult.TimedOut);
                break;
            case RaftEventKind.ConfigurationAppended or RaftEventKind.ConfigurationUndone:
                Configuration now = _core.Configuration;
                _options.Events.Emit(new MembersChanged(
                    group, _core.ConfigurationIndex.Value, now.Voters.Count, now.Learners.Count, now.IsJoint));
                break;
        }
    }

    private void OnFollower(in RaftEvent e)
    {
        if (!e.Replica.IsNone)
        {
            _metrics.LeaderChanges.Add();
            EndTransfer(TransferResult.Done);
        }

        if (!_wasLeader) return;
        _wasLeader = false;
        _exchange.StopSending();
        Wake(SnapshotStep);
        _options.Events.Emit(new SteppedDown(_options.Group.Value, e.Term.Value, Replica.Value));
    }
}
