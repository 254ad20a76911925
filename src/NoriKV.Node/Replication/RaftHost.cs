using Nori.Raft;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Meta;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Snapshots;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>
/// The groups of a node behind the port of the replicated log: workers that own them, the one log that all of them write to,
/// and the frames of their peers.
/// </summary>
/// <remarks>Thread-safe, apart from the steps of workers and log, which have an owner each.</remarks>
internal sealed partial class RaftHost : IReplicatedLog, ISnapshotHost
{
    private static readonly TimeSpan OverloadRetry = TimeSpan.FromMilliseconds(50);

    private readonly HostContext _context;
    private readonly RaftGroup?[] _groups;
    private readonly PendingWatch _watch;
    private readonly CompletionQueue? _completions;
    private readonly Action _watched;
    private readonly ReadRounds? _rounds;
    private int _releasing;
    private string? _closed;

    /// <summary>A host.</summary>
    /// <param name="context">What its parts share.</param>
    /// <param name="groups">The groups of this node by shard; null where it has no replica.</param>
    /// <param name="signals">Of each worker: wakes the loop that steps it.</param>
    /// <param name="watch">Sees to deadlines.</param>
    /// <param name="completions">Where continuations are posted; null: the thread pool runs them.</param>
    /// <param name="watched">Called when there is a deadline to look after.</param>
    /// <param name="seed">For what is random in it, another one at each start.</param>
    public RaftHost(
        HostContext context, RaftGroup?[] groups, IReadOnlyList<StepSignal> signals, PendingWatch watch,
        CompletionQueue? completions, Action watched, ulong seed)
    {
        _context = context;
        _groups = groups;
        _watch = watch;
        _completions = completions;
        _watched = watched;
        Workers = [.. signals.Select((signal, i) => new RaftWorker(context, groups, i, signals.Count, signal))];
        if (context.Sender is { } sender)
        {
            _rounds = new ReadRounds(
                context, sender, groups.Length, seed, AskAlone,
                (group, index, reads) => WorkerOf(group.Shard).NoteConfirmed(group, index, reads));
        }

        context.Log.ReleaseWanted = BeginRelease;
        context.Log.Released = shard => _groups[shard.Value]?.Published.Released ?? default;
        context.Log.OverBudget = NoteOverBudget;
        context.Pipeline.RoomFreed = () =>
        {
            foreach (RaftWorker worker in Workers) worker.NoteRoom();
        };
        context.Pipeline.Progressed = shard =>
        {
            if (_groups[shard.Value] is { } group) WorkerOf(shard).NoteApplied(group);
        };
    }

    public IReadOnlyList<RaftWorker> Workers { get; }

    /// <summary>A message came for a replica that was removed here: from which node, for which, from which.</summary>
    public Action<NodeNumber, ShardId, ReplicaId, ReplicaId>? OnGone { get; set; }

    /// <summary>The length of a Raft tick.</summary>
    public TimeSpan Tick => _context.Options.Tick;

    /// <summary>The groups of this node.</summary>
    public IEnumerable<RaftGroup> Groups => _groups.OfType<RaftGroup>();

    /// <summary>The group of a shard; null where it has no replica here.</summary>
    public RaftGroup? Group(ShardId shard) => _groups[shard.Value];

    public KvError? TryPropose(Proposal proposal)
    {
        if (_context.Failure.Reason is { } reason) return ProposalErrors.Unavailable(reason);
        if (_groups[proposal.Shard.Value] is null) return ProposalErrors.NotLeader(proposal.Shard, null);
        TimeSpan left = proposal.AnswerBy == long.MaxValue
            ? TimeSpan.MaxValue
            : _context.Options.Time.GetElapsedTime(proposal.EnqueuedAt, proposal.AnswerBy);
        if (_context.Admission.TryEnter(proposal.Envelope.Length, left, out int ahead) is { } overloaded) return overloaded;
        proposal.Ahead = ahead;
        WorkerOf(proposal.Shard).Post(proposal);
        return null;
    }

    public ReplicaStatus Status(ShardId shard)
    {
        if (_groups[shard.Value] is not { } group) return default;
        GroupStatus status = group.Published;
        return new ReplicaStatus(
            group.Replica, status.Role, status.LeaderNode, status.Term, status.Commit, status.Last,
            _context.Replicas.Applied(shard));
    }

    public ValueTask<KvError?> TransferAsync(ShardId shard, NodeNumber target, long deadline) =>
        RunAsync(shard, deadline, (worker, group, command) => worker.Transfer(group, command, target));

    public ValueTask<KvError?> TruncatePrefixAsync(ShardId shard, LogIndex index) =>
        RunAsync(shard, long.MaxValue, (worker, group, command) => worker.Truncate(group, command, index));

    /// <summary>Proposes another membership of a shard; answered when its entry is in the leader's log.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="plannedAgainst">The index of the configuration that the plan was made for.</param>
    /// <param name="members">Who shall take part in the end: voters and learners.</param>
    /// <param name="deadline">Timestamp by which it is answered.</param>
    public ValueTask<KvError?> ChangeMembersAsync(
        ShardId shard, LogIndex plannedAgainst, IReadOnlyList<ConfigurationMember> members, long deadline) =>
        RunAsync(shard, deadline, (worker, group, command) =>
            worker.ChangeMembers(group, command, plannedAgainst, members));

    /// <summary>
    /// How a shard's membership stands here; null where no replica of it lives. Settled under a leader it is only where a
    /// majority said behind the question that this one still leads: on the strength of one that was deposed and has not heard
    /// of it, a replica could be called gone that has a vote by now.
    /// </summary>
    public async ValueTask<GroupReport?> ReportAsync(ShardId shard, long deadline)
    {
        GroupReport? report = await ReportUnconfirmedAsync(shard, deadline).ConfigureAwait(false);
        if (report is not { IsLeader: true, IsSettled: true }) return report;
        ReadBarrier barrier = await ReadBarrierAsync(shard, ReadOptions.Default, deadline).ConfigureAwait(false);
        if (barrier.Error is not null || !Confirm(shard, barrier)) return null;
        GroupReport? confirmed = await ReportUnconfirmedAsync(shard, deadline).ConfigureAwait(false);
        return confirmed is { } behind && behind.Term == report.Term ? behind : null;
    }

    /// <summary>As above, as this node alone knows it: enough to see that nothing is to do, never to act upon.</summary>
    public async ValueTask<GroupReport?> ReportUnconfirmedAsync(ShardId shard, long deadline)
    {
        GroupReport? report = null;
        KvError? error = await RunAsync(shard, deadline, (_, group, command) =>
        {
            report = group.Report();
            command.TryAnswer(null);
        }).ConfigureAwait(false);
        return error is null ? report : null;
    }

    /// <summary>The highest replica of a shard that was removed here; none.</summary>
    public ReplicaId TombstoneOf(ShardId shard) => _context.Tombstones.Of(shard);

    /// <summary>Lone voters need nobody's vote: they lead with the next steps.</summary>
    public void CampaignAlone()
    {
        foreach (RaftGroup group in Groups)
        {
            var command = new HostCommand(
                group.Shard, static (_, group, _) => group.Core.Campaign(), long.MaxValue, _completions);
            if (!group.HasPeers) WorkerOf(group.Shard).Post(command);
        }
    }

    /// <summary>True when every lone voter leads and has applied what its log holds.</summary>
    public bool AreLoneLeadersReady => Groups.All(group => group.HasPeers
        || _context.Replicas.Stopped(group.Shard) is not null
        || group.Published.IsAlone(_context.Replicas.Applied(group.Shard).Value));

    /// <summary>A frame of the channel Raft arrived.</summary>
    public void Receive(NodeNumber from, ReadOnlyMemory<byte> frame)
    {
        if (ReadRoundFrame.IsOne(frame.Span))
        {
            ReceiveReadRound(from, frame.Span);
            return;
        }

        bool isOurs = PeerBatch.TryDecode(
            frame.Span, _context.Sender!.Cluster, out PeerBatch batch, out ReadOnlySpan<byte> messages);
        if (!isOurs || batch.From != from || batch.To != _context.Options.Node)
        {
            _context.Metrics.BadFrames.Add();
            return;
        }

        if (!_context.Liveness.TryHear(batch, out bool isAnother))
        {
            _context.Metrics.Foreign.Add();
            return;
        }

        if (isAnother) NoteRestarted(from);
        var reader = new Nori.Core.SpanReader(messages);
        var entries = new List<RaftEntry>();
        for (uint i = 0; i < batch.Messages; i++)
        {
            if (!RaftMessageCodec.TryRead(ref reader, out Raft.RaftMessage message, entries))
            {
                _context.Metrics.BadFrames.Add();
                return;
            }

            Route(from, message, entries);
        }
    }

    /// <summary>No step follows: answers what still waits.</summary>
    public void Close(string why)
    {
        Volatile.Write(ref _closed, why);
        foreach (RaftWorker worker in Workers) worker.FailInbox(why);
    }

    /// <summary>Moves leaderships to other nodes, before this one stops.</summary>
    public void HandOver()
    {
        foreach (RaftWorker worker in Workers) worker.NoteWellness(default);
    }

    // Who follows the process before owes it nothing any more; who follows the new one does, and hears of it behind this.
    private void NoteRestarted(NodeNumber peer)
    {
        foreach (RaftWorker worker in Workers) worker.Post(new PeerNote(PeerNoteKind.Restarted, peer));
        _context.PeerLost?.Invoke(peer);
    }

    private void Route(NodeNumber from, in Raft.RaftMessage message, List<RaftEntry> entries)
    {
        RaftGroup? group = message.Group.Value < (ulong)_groups.Length ? _groups[message.Group.Value] : null;
        // A message of or for another replica than the ones there are, perhaps one that lived here before, is dropped.
        if (group is null || group.Core.Replica != message.To || !MayCome(group, from, message))
        {
            _context.Metrics.Foreign.Add();
            TellIfGone(from, message);
            return;
        }

        if (!TryWithConfigurations(message, entries, out Raft.RaftMessage whole))
        {
            _context.Metrics.BadFrames.Add();
            return;
        }

        if (!WorkerOf(group.Shard).TryPost(group, from, whole, [.. entries])) _context.Metrics.Dropped.Add();
    }

    // To a replica that was removed here, or came before the one that lives here now: whoever wrote is behind the times.
    private void TellIfGone(NodeNumber from, in Raft.RaftMessage message)
    {
        if (message.Group.Value >= (ulong)_groups.Length || message.To.IsNone) return;
        var shard = new ShardId((uint)message.Group.Value);
        ulong living = _groups[shard.Value]?.Replica.Value ?? 0;
        if (message.To.Value > _context.Tombstones.Of(shard).Value && message.To.Value >= living) return;
        OnGone?.Invoke(from, shard, new ReplicaId(message.To.Value), new ReplicaId(message.From.Value));
    }

    // A snapshot comes on a channel of its own, from disk to disk; a message that claims one is none.
    private static bool MayCome(RaftGroup group, NodeNumber from, in Raft.RaftMessage message) =>
        message.Kind != Raft.MessageKind.Snapshot && !message.From.IsNone && message.From != group.Core.Replica
        && from.Value != 0;

    // Our entries say themselves what they are; the core wants to know which of them are configurations.
    private static bool TryWithConfigurations(
        in Raft.RaftMessage message, List<RaftEntry> entries, out Raft.RaftMessage whole)
    {
        whole = message;
        List<Raft.ConfigurationEntry>? configurations = null;
        foreach (RaftEntry entry in entries)
        {
            if (entry.Type != EntryType.Normal) return false;
            if (Entries.EntryWriter.KindOf(entry.Data.Span) != Entries.EntryKind.Configuration) continue;
            if (!Entries.EntryReader.TryDecode(entry.Data, out Entries.DecodedEntry decoded, out _)) return false;
            configurations ??= [];
            configurations.Add(new Raft.ConfigurationEntry(entry.Index, ShardConfiguration.ToRaft(decoded.Members)));
        }

        if (configurations is null) return true;
        Raft.EntryRange range = message.Entries;
        whole = message with
        {
            Entries = new Raft.EntryRange(range.First, range.Last, range.Terms, configurations, range.Bytes),
        };
        return true;
    }

    private ValueTask<KvError?> RunAsync(
        ShardId shard, long deadline, Action<RaftWorker, RaftGroup, HostCommand> run)
    {
        if (_groups[shard.Value] is null)
        {
            return ValueTask.FromResult<KvError?>(ProposalErrors.NotLeader(shard, null));
        }

        var command = new HostCommand(shard, run, deadline, _completions);
        Watch(command);
        WorkerOf(shard).Post(command);
        if ((_context.Failure.Reason ?? Volatile.Read(ref _closed)) is { } reason) command.Fail(reason);
        return command.Outcome;
    }

    /// <summary>
    /// A replica arrives that holds nothing and waits for its leader; answered when it may live. Asked for again, it is done.
    /// </summary>
    public ValueTask<KvError?> AddReplicaAsync(ShardId shard, ReplicaId replica, long deadline) =>
        ChangeAsync(new HostChange(shard, replica, isArrival: true, deadline, _completions));

    /// <summary>Stops a replica and removes what it held; answered when that is durable. Asked for again, it is done.</summary>
    public ValueTask<KvError?> RemoveReplicaAsync(ShardId shard, ReplicaId replica, long deadline) =>
        ChangeAsync(new HostChange(shard, replica, isArrival: false, deadline, _completions));

    private ValueTask<KvError?> ChangeAsync(HostChange change)
    {
        Watch(change);
        WorkerOf(change.Shard).Post(change);
        if ((_context.Failure.Reason ?? Volatile.Read(ref _closed)) is { } reason) change.Fail(reason);
        return change.Outcome;
    }

    private void Watch(IPendingAnswer pending)
    {
        if (_watch.Add(pending)) _watched();
    }

    private void BeginRelease()
    {
        if (Interlocked.CompareExchange(ref _releasing, Workers.Count, 0) != 0) return;
        foreach (RaftWorker worker in Workers) worker.WantRelease();
    }

    /// <summary>A worker has said how far its groups let go; behind the last one the log collects.</summary>
    public void EndRelease()
    {
        if (Interlocked.Decrement(ref _releasing) == 0) _context.Log.Collect();
    }

    private void NoteOverBudget(ShardId shard)
    {
        if (_groups[shard.Value] is not { } group) return;
        WorkerOf(shard).Post(new HostCommand(
            shard, static (_, group, _) => group.IsOverBudget = true, long.MaxValue, _completions));
    }

    private RaftWorker WorkerOf(ShardId shard) => Workers[(int)(shard.Value % (uint)Workers.Count)];
}
