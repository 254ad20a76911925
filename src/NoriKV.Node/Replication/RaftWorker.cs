using Nori.Core;
using Nori.Raft;
using NoriKV.Node.Peers;
using NoriKV.Node.Snapshots;
using NoriKV.Node.Tracing;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>
/// Owns a part of the node's groups and alone touches their cores. A step takes what waits in the inbox, steps the groups
/// that it is for, takes the Readies of those groups only, hands the log one request and each peer one frame, and feeds the
/// apply pipeline.
/// </summary>
/// <remarks>
/// Whoever has something for a group puts it into the inbox, from any thread; the lock guards it. Files: this one (inbox and
/// the step), Ready, Proposals, Reads, Ticks, Commands.
/// </remarks>
internal sealed partial class RaftWorker
{
    /// <summary>What a message takes that waits, its entries left out: a worker that stands still hears heartbeats all the same.</summary>
    internal const int MessageBytes = 256;

    private readonly HostContext _host;
    private readonly RaftHostOptions _options;
    private readonly RaftGroup?[] _groups;
    private readonly List<RaftGroup> _owned = [];
    private readonly List<PeerOutbox> _outboxes = [];
    private readonly Lock _lock = new();
    private readonly List<RaftGroup> _dirty = [];
    private readonly Stack<WriteRequest> _free = new();
    private WriteRequest _request;
    private HostInbox _inbox = new();
    private HostInbox _current = new();

    // For requests that are traced or slow: what was sent, confirmed and written lately. Sent in this step, not yet stamped.
    private readonly ReplicationTrail _trail;
    private readonly List<(NodeNumber To, ShardId Shard, ulong Last)> _leaving = [];
    private long _stepAt;

    /// <summary>A worker.</summary>
    /// <param name="host">What it works with.</param>
    /// <param name="groups">All groups of the node by shard; it owns some of them.</param>
    /// <param name="number">Its number among the workers.</param>
    /// <param name="workers">How many there are: it owns shard mod workers.</param>
    /// <param name="signal">Wakes the loop that steps it.</param>
    public RaftWorker(HostContext host, RaftGroup?[] groups, int number, int workers, StepSignal signal)
    {
        _host = host;
        _options = host.Options;
        _wellness = new NodeWellness(true, host.Liveness.IsAlone);
        _trail = new ReplicationTrail(host.Options.Time);
        _groups = groups;
        Number = number;
        Signal = signal;
        _request = new WriteRequest(this);
        for (int shard = number; shard < groups.Length; shard += workers)
        {
            if (groups[shard] is { } group) _owned.Add(group);
        }

        foreach (RaftGroup group in _owned) FollowTimers(group);
    }

    public int Number { get; }

    public StepSignal Signal { get; }

    public void Post(Proposal proposal) => Put(proposal, static (inbox, proposal) => inbox.Proposals.Add(proposal));

    public void Post(HostCommand command) => Put(command, static (inbox, command) => inbox.Commands.Add(command));

    public void Post(PeerNote note) => Put(note, static (inbox, note) => inbox.Peers.Add(note));

    /// <summary>False when too many wait.</summary>
    public bool TryPost(ReadRequest read)
    {
        lock (_lock)
        {
            if (_inbox.Reads.Count >= _options.ReadsMax) return false;
            _inbox.Reads.Add(read);
            _inbox.IsEmpty = false;
        }

        Signal.Set();
        return true;
    }

    /// <summary>False when too much waits: the message is dropped, which the protocol stands.</summary>
    public bool TryPost(RaftGroup group, NodeNumber from, in Raft.RaftMessage message, RaftEntry[] entries)
    {
        lock (_lock)
        {
            if (_inbox.MessageBytes > _options.InboxBytesMax) return false;
            _inbox.Messages.Add((group, from, message, entries));
            _inbox.MessageBytes += MessageBytes + message.Entries.Bytes;
            _inbox.IsEmpty = false;
        }

        Signal.Set();
        return true;
    }

    public void NotePersisted(WriteRequest request) =>
        Put(request, static (inbox, request) => inbox.Persisted.Add(request));

    public void NoteConfirmed(RaftGroup group, ulong index, List<ReadRequest> reads) =>
        Put((group, index, reads), static (inbox, confirmed) => inbox.Confirmed.Add(confirmed));

    public void NoteApplied(RaftGroup group) => Put(group, static (inbox, group) => inbox.Applied.Add(group));

    public void NoteInstalled(RaftGroup group, StagedSnapshot staged, uint deadSlot) =>
        Put((group, staged, deadSlot), static (inbox, install) => inbox.Installed.Add(install));

    public void NoteRebuilt(RaftGroup group, Raft.SnapshotMeta meta, uint deadSlot) =>
        Put((group, meta, deadSlot), static (inbox, rebuilt) => inbox.Rebuilt.Add(rebuilt));

    public void NoteArrived(RaftGroup group, ReplicaId from, Term term, StagedSnapshot staged) =>
        Put((group, from, term, staged), static (inbox, arrived) => inbox.Snapshots.Add(arrived));

    public void NoteSent(RaftGroup group, ReplicaId to, LogIndex index, bool isDelivered) =>
        Put((group, to, index, isDelivered), static (inbox, sent) => inbox.SnapshotsSent.Add(sent));

    public void NoteRoom() => Put(0, static (inbox, _) => inbox.Room = true);

    public void WantRelease() => Put(0, static (inbox, _) => inbox.Release = true);

    public void NoteWellness(NodeWellness wellness) => Put(wellness, static (inbox, wellness) => inbox.Wellness = wellness);

    /// <summary>One step; false when there was nothing to do.</summary>
    public bool RunOnce()
    {
        if (_host.Failure.Reason is { } failed)
        {
            FailInbox(failed);
            return false;
        }

        try
        {
            // A tick that was due before a leader was heard does not count against what it is promised now.
            bool worked = TickIfDue();
            if (TakeInbox())
            {
                Process(_current);
                worked = true;
            }

            worked |= WakeThoseDue();
            if (!worked) return false;
            Finish();
            return true;
        }
        catch (Exception e) when (
            e is IOException or InvalidOperationException or InvalidDataException or InvariantException or ArgumentException)
        {
            _host.Failure.Set("A Raft worker failed", e);
            return false;
        }
    }

    /// <summary>No step follows: answers those that still wait in the inbox.</summary>
    public void FailInbox(string why)
    {
        if (!TakeInbox()) return;
        foreach (Proposal proposal in _current.Proposals) proposal.Fail(why);
        foreach (ReadRequest read in _current.Reads) read.Fail(why);
        foreach (ReadRequest read in _current.Confirmed.SelectMany(static c => c.Reads)) read.Fail(why);
        foreach (HostCommand command in _current.Commands) command.Fail(why);
        foreach (HostChange change in _current.Changes.Concat(_current.Founded).Concat(_current.Retired)) change.Fail(why);
        foreach ((_, _, _, StagedSnapshot staged) in _current.Snapshots) staged.Discard();
        _current.Clear();
    }

    private void Put<T>(T item, Action<HostInbox, T> add)
    {
        lock (_lock)
        {
            add(_inbox, item);
            _inbox.IsEmpty = false;
        }

        Signal.Set();
    }

    private bool TakeInbox()
    {
        _current.Clear();
        lock (_lock)
        {
            if (_inbox.IsEmpty) return false;
            (_inbox, _current) = (_current, _inbox);
        }

        return true;
    }

    private void Process(HostInbox inbox)
    {
        _stepAt = Now();
        foreach (WriteRequest request in inbox.Persisted) OnPersisted(request);
        if (inbox.Wellness is { } wellness) OnWellness(wellness);
        foreach (PeerNote note in inbox.Peers) OnPeer(note);
        foreach (HostChange change in inbox.Retired) OnRetired(change);
        foreach (HostChange change in inbox.Founded) OnFounded(change);
        foreach (HostChange change in inbox.Changes) Begin(change);
        foreach ((RaftGroup group, NodeNumber from, Raft.RaftMessage message, RaftEntry[] entries) in inbox.Messages)
        {
            if (group.IsGone) continue;
            group.Learn(new ReplicaId(message.From.Value), from);
            if (message is { Kind: Raft.MessageKind.AppendResponse, IsRejected: false })
                _trail.NoteAcked(from, group.Shard, message.Index.Value, _stepAt);
            Step(group, message, entries);
        }

        foreach (var (group, staged, deadSlot) in inbox.Installed) OnInstalled(group, staged, deadSlot);
        foreach (var (group, meta, deadSlot) in inbox.Rebuilt) OnRebuilt(group, meta, deadSlot);
        foreach (var (group, from, term, staged) in inbox.Snapshots) OnArrived(group, from, term, staged);
        foreach (var (group, to, index, isDelivered) in inbox.SnapshotsSent) OnSent(group, to, index, isDelivered);
        foreach (HostCommand command in inbox.Commands) Run(command);
        foreach (Proposal proposal in inbox.Proposals) Propose(proposal);
        foreach (ReadRequest read in inbox.Reads) AddRead(read);
        foreach ((RaftGroup group, ulong index, List<ReadRequest> reads) in inbox.Confirmed) AwaitApply(group, index, reads);
        foreach (RaftGroup group in inbox.Applied)
        {
            if (!group.IsGone) PassReads(group);
        }

        if (inbox.Room) FeedStarved();
        if (inbox.Release) Release();
    }

    private void Step(RaftGroup group, in Raft.RaftMessage message, RaftEntry[] entries)
    {
        // The disk stands still, and a leader sends again what it hears nothing of: what piles up behind it has an end. Heartbeats are
        // heard all the same.
        if (message.Kind == Raft.MessageKind.Append && group.InFlight >= _options.PersistingMax) return;
        if (message.Kind == Raft.MessageKind.Append && entries.Length > 0)
        {
            group.Staged.Add(message.Entries.First.Value, entries);
            group.ActiveAt = Now();
        }

        NoteVotes(group, message);
        group.Core.Step(message);
        Touch(group);
    }

    private void Touch(RaftGroup group)
    {
        if (group.IsDirty) return;
        group.IsDirty = true;
        _dirty.Add(group);
    }

    private void Finish()
    {
        AskForReads();
        for (int i = 0; i < _dirty.Count; i++)
        {
            if (!_dirty[i].IsGone) Drain(_dirty[i]);
        }

        _dirty.Clear();
        Submit();
        foreach (PeerOutbox outbox in _outboxes) outbox.Flush();
        NoteSent();
        FeedAll();
    }

    // Before the frames leave: an append of the leader's is on its way to the own disk and to the peers at the same time.
    private void Submit()
    {
        if (_request.IsEmpty) return;
        WriteRequest request = _request;
        _request = _free.Count > 0 ? _free.Pop() : new WriteRequest(this);
        ulong ticket = _host.Log.Submit(request);
        foreach (PersistedReady ready in request.Readies)
        {
            if (ready.First <= ready.Last) ready.Group.Tail.SetTicket(ready.First, ready.Last, ticket);
        }
    }

    private void OnPersisted(WriteRequest request)
    {
        foreach (PersistedReady ready in request.Readies)
        {
            RaftGroup group = ready.Group;
            if (group.IsGone) continue;
            group.InFlight--;
            NoteLogged(ready, request);
            // Readies behind it that had nothing to store are durable with it.
            ulong number = group.InFlight == 0 ? group.LastTaken : ready.Number;
            group.Core.Advance(new Raft.Persisted(number));
            foreach (Raft.RaftMessage message in ready.Messages) Send(group, message);
            Touch(group);
        }

        foreach (HostCommand command in request.Commands) command.TryAnswer(null);
        // What lay under the old slot is garbage now that the log says so, too.
        foreach ((ShardId shard, uint slot) in request.DeadSlots) _host.RemoveSlot(shard, slot);
        foreach (HostChange removal in request.Removals) OnRemovalPersisted(removal);
        request.Clear();
        _free.Push(request);
    }

    private void Send(RaftGroup group, in Raft.RaftMessage message)
    {
        NodeNumber node = group.NodeOf(new ReplicaId(message.To.Value));
        if (node.Value == 0 || node == _options.Node || _host.Sender is not { } sender) return;
        if (message.Kind == Raft.MessageKind.Append && !message.Entries.IsEmpty)
            _leaving.Add((node, group.Shard, message.Entries.Last.Value));
        foreach (PeerOutbox outbox in _outboxes)
        {
            if (outbox.Target != node) continue;
            outbox.Add(message, group);
            return;
        }

        var added = new PeerOutbox(node, sender);
        _outboxes.Add(added);
        added.Add(message, group);
    }

    private long Now() => _options.Time.GetTimestamp();

    private long NowNanoseconds() => _host.NowNanoseconds();

    private TimeSpan Since(long timestamp, long now) => _options.Time.GetElapsedTime(timestamp, now);
}
