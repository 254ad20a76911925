using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>What a core wants done: see <see cref="Raft.Ready"/> for what must be durable before what.</summary>
internal sealed partial class RaftWorker
{
    private readonly List<RaftGroup> _feeding = [];
    private readonly List<RaftGroup> _starved = [];

    private void Drain(RaftGroup group)
    {
        group.IsDirty = false;
        NoteLoss(group);
        while (group.Installing is null && group.Core.HasReady) Handle(group, group.Core.TakeReady(NowNanoseconds()));
        bool hasChanged = group.Published.Leader.Value != group.Core.Leader.Value || group.Published.Role != group.Core.Role;
        // Before anything of this step is sent: a lease that is given up must be gone for readers by then.
        group.Published.Update(group);
        if (hasChanged) OnLeadership(group);
        if (!group.Published.HasCaughtUp) NoteIfCaughtUp(group);
        FollowTimers(group);
    }

    // Its core found out from what its leader says: in memory only, and the next start would vote again.
    private void NoteLoss(RaftGroup group)
    {
        if (!group.Core.IsDamaged || group.IsLossNoted) return;
        group.IsLossNoted = true;
        _host.Log.NoteLoss(group.Shard, group.Replica);
    }

    private void Handle(RaftGroup group, Raft.Ready ready)
    {
        foreach (Raft.RaftEvent raised in ready.Events) On(group, raised);
        if (ready.Snapshot is not null)
        {
            BeginInstall(group, ready);
            return;
        }

        group.LastTaken = ready.Number;
        bool writes = Write(group, ready);
        foreach (Raft.RaftMessage message in ready.Messages) Send(group, message);
        if (writes || (ready.MessagesAfterPersist.Count > 0 && group.InFlight > 0))
        {
            group.InFlight++;
            (ulong first, ulong last) = ready.Entries.IsEmpty ? (1UL, 0UL) : (ready.Entries.First.Value, ready.Entries.Last.Value);
            _request.Readies.Add(new PersistedReady(group, ready.Number, first, last, ready.MessagesAfterPersist));
        }
        else if (group.InFlight == 0)
        {
            // Nothing to store, and nothing before it on its way: durable as it is.
            group.Core.Advance(new Raft.Persisted(ready.Number));
            foreach (Raft.RaftMessage message in ready.MessagesAfterPersist) Send(group, message);
        }

        foreach (Raft.ReadState read in ready.ReadStates) OnReadState(group, read);
        foreach (Raft.SnapshotRequest request in ready.SnapshotRequests) OnSnapshotRequest(group, request);
        if (!ready.HasCommitted) return;
        group.ToApplyLast = ready.Committed.Last.Value;
        WantFeed(group);
    }

    /// <summary>Asks the log for what must be stored; false when nothing must.</summary>
    private bool Write(RaftGroup group, Raft.Ready ready)
    {
        bool hasEntries = !ready.Entries.IsEmpty;
        if (ready.HardState is { } hard) WriteHardState(group, hard, hasEntries);
        if (hasEntries) WriteEntries(group, ready);
        return hasEntries || (ready.MustSync && ready.HardState is not null);
    }

    // A term or a vote is a promise and is written at once. That more is committed is no promise: it only saves work at the
    // next start, so it travels along now and then (decision 0094).
    private void WriteHardState(RaftGroup group, Raft.HardState hard, bool hasEntries)
    {
        bool isPromise = hard.Term.Value != group.StoredTerm || hard.Vote.Value != group.StoredVote;
        bool isDue = hasEntries && hard.Commit.Value >= group.StoredCommit + _options.CommitLagMax;
        if (!isPromise && !isDue) return;
        (group.StoredTerm, group.StoredVote, group.StoredCommit) = (hard.Term.Value, hard.Vote.Value, hard.Commit.Value);
        _request.Writes.Add(LogWrite.HardState(group, hard.Term.Value, hard.Vote.Value, hard.Commit.Value));
    }

    private void WriteEntries(RaftGroup group, Raft.Ready ready)
    {
        Raft.EntryRange entries = ready.Entries;
        for (int span = 0; span < entries.Terms.Count; span++)
        {
            ulong term = entries.Terms[span].Term.Value;
            ulong end = span + 1 < entries.Terms.Count ? entries.Terms[span + 1].First.Value : entries.Last.Value + 1;
            for (ulong index = entries.Terms[span].First.Value; index < end; index++)
            {
                ReadOnlyMemory<byte> envelope = EnvelopeOf(group, ready, index, term);
                group.Tail.Append(index, term, envelope);
                _request.Writes.Add(LogWrite.Entry(group, index, term, envelope));
            }
        }

        group.Staged.Clear();
    }

    private ReadOnlyMemory<byte> EnvelopeOf(RaftGroup group, Raft.Ready ready, ulong index, ulong term)
    {
        if (group.Staged.TryGet(index, term, out ReadOnlyMemory<byte> envelope))
        {
            group.LastStamp = Math.Max(group.LastStamp, EntryWriter.StampOf(envelope.Span));
            if (EntryWriter.KindOf(envelope.Span) == EntryKind.Configuration) Learn(group, envelope);
            return envelope;
        }

        // What nobody gave it the core made itself.
        byte[] own;
        if (ready.NoOp.Value == index)
        {
            own = EntryWriter.Encode(EntryKind.NoOp);
            group.LedTerm = term;
        }
        else
        {
            Raft.Configuration? configuration = ready.Entries.ConfigurationAt(new Raft.LogIndex(index));
            Invariant.Assert(configuration is not null);
            own = group.EncodeConfiguration(configuration);
        }

        Stamp(group, own);
        return own;
    }

    private void Stamp(RaftGroup group, byte[] envelope)
    {
        long now = _host.Stamps.NowUnixMs();
        group.LastStamp = Math.Max(group.LastStamp, Math.Max(now, _host.Replicas.ShardTime(group.Shard)));
        EntryWriter.Stamp(envelope, group.LastStamp);
    }

    private static void Learn(RaftGroup group, ReadOnlyMemory<byte> envelope)
    {
        if (EntryReader.TryDecode(envelope, out DecodedEntry entry, out _)) group.Learn(entry.Members);
    }

    private void WantFeed(RaftGroup group)
    {
        if (group.IsFeeding) return;
        group.IsFeeding = true;
        _feeding.Add(group);
    }

    // Behind the handing over to the log: an entry that is applied has the ticket of its local write, written or not.
    private void FeedAll()
    {
        if (_feeding.Count == 0) return;
        foreach (RaftGroup group in _feeding)
        {
            group.IsFeeding = false;
            Feed(group);
        }

        _feeding.Clear();
        _host.Pipeline.EndRound();
        ProposeLost();
    }

    private void FeedStarved()
    {
        foreach (RaftGroup group in _starved)
        {
            group.IsStarved = false;
            WantFeed(group);
        }

        _starved.Clear();
    }

    private void Feed(RaftGroup group)
    {
        if (group.IsGone || group.Installing is not null || group.Rebuilding is not null) return;
        for (; group.NextToApply <= group.ToApplyLast; group.NextToApply++)
        {
            if (!_host.Pipeline.HasRoomFor(group.Shard))
            {
                Starve(group);
                break;
            }

            CommittedEntry entry = NextEntry(group);
            _host.Pipeline.Enqueue(entry);
            if (EntryWriter.KindOf(entry.Envelope.Span) == EntryKind.Time) NoteTime(group, entry.Index);
        }

        TrimTail(group);
    }

    private void Starve(RaftGroup group)
    {
        if (!group.IsStarved) _starved.Add(group);
        group.IsStarved = true;
        // Room may have come back between the look and the list: then nobody else would say so.
        if (_host.Pipeline.HasRoomFor(group.Shard)) NoteRoom();
    }

    private CommittedEntry NextEntry(RaftGroup group)
    {
        ulong index = group.NextToApply;
        ulong term, ticket;
        ReadOnlyMemory<byte> envelope;
        if (group.Tail.TryGet(index, out EntryTail.Item item))
        {
            (term, envelope, ticket) = (item.Term, item.Envelope, item.Ticket);
        }
        else
        {
            bool found = group.TryReadLog(index, out LogEntry entry);
            if (!found) throw new InvalidOperationException($"shard {group.Shard} has no entry {index}, which is committed");
            (term, envelope, ticket) = (entry.Term.Value, entry.Envelope, _host.Tickets.TicketOf(entry.Watermark));
        }

        Proposal? proposal = group.Book.Take(index, term, _lost);
        if (proposal is not null) NoteCommitted(proposal, index);
        return new CommittedEntry(group.Shard, new LogIndex(index), new Term(term), envelope, ticket, proposal);
    }

    private void TrimTail(RaftGroup group)
    {
        ulong durable = group.Core.DurableIndex.Value;
        ulong through = Math.Min(durable, group.NextToApply - 1);
        // What waits to be applied for long is read from the log again, once that has it.
        if (group.Tail.Bytes > _options.TailBytesMax && !_options.KeepsUnsynced) through = durable;
        group.Tail.TrimThrough(through);
    }
}
