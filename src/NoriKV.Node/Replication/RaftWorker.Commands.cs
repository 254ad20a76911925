using NoriKV.Node.Machine;
using NoriKV.Node.Snapshots;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>Transfers, changes of membership, the log's beginning, and snapshots.</summary>
internal sealed partial class RaftWorker
{
    private void Run(HostCommand command)
    {
        if (command.ExpireIfDue(Now())) return;
        if (_groups[command.Shard.Value] is not { } group)
        {
            command.TryAnswer(ProposalErrors.NotLeader(command.Shard, null));
            return;
        }

        command.Run(this, group);
        Touch(group);
    }

    /// <summary>Hands leadership to the replica on a node; answered when that leads.</summary>
    internal void Transfer(RaftGroup group, HostCommand command, NodeNumber target)
    {
        Raft.ReplicaId replica = group.ReplicaOn(target);
        if (replica.IsNone)
        {
            command.TryAnswer(new KvError(
                KvCode.FailedPrecondition, $"Node {target} holds no replica of shard {group.Shard}"));
            return;
        }

        if (group.Core.Leader == replica)
        {
            command.TryAnswer(null);
            return;
        }

        if (group.Core.Role != Raft.RaftRole.Leader)
        {
            command.TryAnswer(ProposalErrors.NotLeader(group.Shard, HintOf(group, group.Core.Leader)));
            return;
        }

        long lag = _host.Liveness.ApplyLag(target);
        if (lag > _options.ApplyLagBytesMax)
        {
            command.TryAnswer(new KvError(
                KvCode.FailedPrecondition,
                $"Node {target} has {lag} bytes committed and not applied; above {_options.ApplyLagBytesMax} it gets no leadership"));
            return;
        }

        group.Published.EndLease();
        Raft.TransferStatus status = group.Core.TransferLeadership(replica);
        if (status == Raft.TransferStatus.Started)
        {
            group.ActiveAt = Now();
            group.Transfers.Add((target, command));
            return;
        }

        command.TryAnswer(new KvError(
            KvCode.FailedPrecondition,
            status == Raft.TransferStatus.InProgress
                ? $"Another transfer of shard {group.Shard} is under way"
                : $"The replica on node {target} has no vote"));
    }

    private static void AnswerTransfers(RaftGroup group, bool isAborted)
    {
        foreach ((NodeNumber target, HostCommand command) in group.Transfers)
        {
            bool isDone = !isAborted && group.NodeOf(new ReplicaId(group.Core.Leader.Value)) == target;
            command.TryAnswer(isDone
                ? null
                : new KvError(KvCode.Unavailable, $"Node {target} did not take over shard {group.Shard} in time"));
        }

        group.Transfers.Clear();
    }

    /// <summary>Proposes another membership; answered when its entry is in the leader's log.</summary>
    internal void ChangeMembers(
        RaftGroup group, HostCommand command, LogIndex plannedAgainst, IReadOnlyList<ConfigurationMember> members)
    {
        group.Learn(members);
        // A lone voter's reads stop counting on being alone before the entry is there that ends it.
        group.Published.EndLease();
        if (group.LedTerm != group.Core.Term.Value) Drain(group);
        Raft.ConfigurationResult result = group.Core.TryProposeConfiguration(
            new Raft.LogIndex(plannedAgainst.Value),
            new Raft.ConfigurationTarget(
                [.. members.Where(static m => m.Role == MemberRole.Voter).Select(static m => new Raft.ReplicaId(m.Replica.Value))],
                [.. members.Where(static m => m.Role == MemberRole.Learner).Select(static m => new Raft.ReplicaId(m.Replica.Value))]));
        group.ActiveAt = Now();
        if (result.Status == Raft.ConfigurationStatus.Accepted)
        {
            int voters = members.Count(static m => m.Role == MemberRole.Voter);
            _options.Events.Emit(new ShardPlanned(
                group.Shard, new Term(group.Core.Term.Value), voters, members.Count(static m => m.Role == MemberRole.Learner)));
        }

        command.TryAnswer(result.Status switch
        {
            Raft.ConfigurationStatus.Accepted => null,
            Raft.ConfigurationStatus.NotLeader =>
                ProposalErrors.NotLeader(group.Shard, HintOf(group, group.Core.Leader)),
            _ => new KvError(KvCode.FailedPrecondition, $"The change of shard {group.Shard} was refused: {result.Status}"),
        });
    }

    /// <summary>Cuts the log's beginning off, through an index that tables hold; answered when that is durable.</summary>
    internal void Truncate(RaftGroup group, HostCommand command, LogIndex index)
    {
        ulong through = Math.Min(index.Value, group.NextToApply - 1);
        if (through <= group.Core.BaseIndex.Value || !group.Core.TryGetTerm(new Raft.LogIndex(through), out Raft.Term term))
        {
            command.TryAnswer(null);
            return;
        }

        if (_host.Log.DiskFull is { } full)
        {
            command.TryAnswer(ProposalErrors.Overloaded($"Disk full: {full}", FullRetry));
            return;
        }

        if (group.Core.DurableIndex.Value < through || !group.Core.TruncatePrefix(new Raft.LogIndex(through)))
        {
            command.TryAnswer(ProposalErrors.Overloaded($"Shard {group.Shard} is being written", BusyRetry));
            return;
        }

        group.Published.NoteReleased(through);
        _request.Writes.Add(LogWrite.Prefix(LogWriteKind.TruncatePrefix, group, through, term.Value));
        _request.Commands.Add(command);
    }

    /// <summary>Says of every group how far it lets go of its log; the cores forget first.</summary>
    private void Release()
    {
        foreach (RaftGroup group in _owned)
        {
            ulong floor = FloorOf(group);
            group.IsOverBudget = false;
            if (floor <= group.Core.BaseIndex.Value || group.Installing is not null) continue;
            if (!group.Core.TruncatePrefix(new Raft.LogIndex(floor))) continue;
            group.Published.NoteReleased(floor);
        }

        _host.Released();
    }

    private ulong FloorOf(RaftGroup group)
    {
        ulong flushed = Math.Min(
            Math.Min(_host.Gate.FlushedIndex(group.Shard).Value, group.NextToApply - 1), group.Core.DurableIndex.Value);
        if (group.IsOverBudget) return flushed;
        ulong floor = flushed;
        foreach (Raft.Progress peer in group.Core.Peers)
        {
            ulong has = Math.Max(peer.Match.Value, peer.PendingSnapshot.Value);
            floor = Math.Min(floor, has);
        }

        ulong keepsTooMuch = group.Core.LastIndex.Value - Math.Min(group.Core.LastIndex.Value, _options.RetainedEntriesMax);
        if (group.RetainedFrom(_options.RetainedBytesMax) is { Value: > 0 } first) keepsTooMuch = Math.Max(keepsTooMuch, first.Value - 1);
        return Math.Min(flushed, Math.Max(floor, keepsTooMuch));
    }

    private void OnSnapshotRequest(RaftGroup group, in Raft.SnapshotRequest request)
    {
        var to = new ReplicaId(request.Peer.Value);
        if (_host.Snapshots is { } snapshots)
        {
            var term = new Term(group.Core.Term.Value);
            snapshots.Begin(group.Shard, to, group.NodeOf(to), term, new LogIndex(request.AtLeast.Value));
            return;
        }

        group.Core.ReportSnapshot(request.Peer, default, isDelivered: false);
        Touch(group);
    }

    private void OnSent(RaftGroup group, ReplicaId to, LogIndex index, bool isDelivered)
    {
        if (group.IsGone) return;
        group.Core.ReportSnapshot(new Raft.ReplicaId(to.Value), new Raft.LogIndex(index.Value), isDelivered);
        Touch(group);
    }

    private void OnArrived(RaftGroup group, ReplicaId from, Term term, StagedSnapshot staged)
    {
        if (group.IsGone || group.Arrived is not null || group.Installing is not null || group.Rebuilding is not null)
        {
            staged.Discard();
            return;
        }

        group.Arrived = staged;
        group.Core.Step(new Raft.RaftMessage
        {
            Kind = Raft.MessageKind.Snapshot,
            Group = group.Core.Group,
            From = new Raft.ReplicaId(from.Value),
            To = group.Core.Replica,
            Term = new Raft.Term(term.Value),
            Snapshot = staged.Meta,
        });
        Drain(group);
        // The core had no use for it: its log has all of that.
        if (group.Installing is null && !TryRebuild(group, staged)) staged.Discard();
        group.Arrived = null;
    }

    // The apply worker makes it the shard's data, in order with what it was given before. Until that is done nothing of the
    // group goes to the log: the record that the snapshot replaces the log comes first.
    private void BeginInstall(RaftGroup group, Raft.Ready ready)
    {
        StagedSnapshot? staged = group.Arrived;
        Nori.Core.Invariant.Assert(staged is not null);
        group.Installing = ready;
        ulong index = ready.Snapshot!.Index.Value;
        (group.NextToApply, group.ToApplyLast) = (index + 1, index);
        group.Tail.Clear();
        foreach (Raft.RaftMessage message in ready.Messages) Send(group, message);
        ForgetAnswered(group, index);
        _host.Pipeline.EnqueueWork(group.Shard, () => _host.Install(group, staged, this));
    }

    private void OnInstalled(RaftGroup group, StagedSnapshot staged, uint deadSlot)
    {
        Raft.Ready ready = group.Installing!;
        // Not before: what is durable until here says nothing of what had to be installed first.
        (group.Installing, group.LastTaken) = (null, ready.Number);
        Raft.SnapshotMeta meta = staged.Meta;
        EndSetApart(group, meta);
        group.Published.NoteReleased(meta.Index.Value);
        if (_host.Replicas[group.Shard] is { } machine) group.Learn(machine.State.Configuration);
        group.LastStamp = Math.Max(group.LastStamp, _host.Replicas.ShardTime(group.Shard));
        _request.Writes.Add(LogWrite.Prefix(LogWriteKind.InstallSnapshot, group, meta.Index.Value, meta.Term.Value));
        Raft.HardState hard = ready.HardState ?? new Raft.HardState(group.Core.Term, group.Core.Vote, meta.Index);
        (group.StoredTerm, group.StoredVote, group.StoredCommit) = (hard.Term.Value, hard.Vote.Value, hard.Commit.Value);
        _request.Writes.Add(LogWrite.HardState(group, hard.Term.Value, hard.Vote.Value, hard.Commit.Value));
        if (!ready.Entries.IsEmpty) WriteEntries(group, ready);
        group.InFlight++;
        (ulong first, ulong last) = ready.Entries.IsEmpty ? (1UL, 0UL) : (ready.Entries.First.Value, ready.Entries.Last.Value);
        _request.Readies.Add(new PersistedReady(group, ready.Number, first, last, ready.MessagesAfterPersist));
        _request.DeadSlots.Add((group.Shard, deadSlot));
        foreach (Raft.ReadState read in ready.ReadStates) OnReadState(group, read);
        if (ready.HasCommitted)
        {
            group.ToApplyLast = Math.Max(group.ToApplyLast, ready.Committed.Last.Value);
            WantFeed(group);
        }

        PassReads(group);
        Touch(group);
    }
}
