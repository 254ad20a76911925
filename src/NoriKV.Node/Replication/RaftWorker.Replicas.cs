using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>
/// Replicas that arrive and leave while the node runs. A crash between any two steps leaves the replica as it was, or
/// nothing of it but garbage (docs/replication.md, "Arrivals and departures").
/// </summary>
internal sealed partial class RaftWorker
{
    // Shards of which a replica is arriving or leaving: one at a time.
    private readonly HashSet<uint> _changing = [];

    public void Post(HostChange change) => Put(change, static (inbox, change) => inbox.Changes.Add(change));

    public void NoteFounded(HostChange change) => Put(change, static (inbox, change) => inbox.Founded.Add(change));

    public void NoteRetired(HostChange change) => Put(change, static (inbox, change) => inbox.Retired.Add(change));

    private void Begin(HostChange change)
    {
        if (change.ExpireIfDue(Now())) return;
        if (_changing.Contains(change.Shard.Value))
        {
            change.TryAnswer(ProposalErrors.Overloaded(
                $"Another replica of shard {change.Shard} arrives or leaves just now", BusyRetry));
        }
        else if (change.IsArrival)
        {
            BeginArrival(change);
        }
        else
        {
            BeginRemoval(change);
        }
    }

    private void BeginArrival(HostChange change)
    {
        ReplicaId present = _host.Replicas[change.Shard]?.State.Replica ?? default;
        ReplicaId known = _host.Tombstones.Of(change.Shard);
        if (present == change.Replica)
        {
            change.TryAnswer(null);
        }
        else if (present.Value != 0)
        {
            change.TryAnswer(new KvError(
                KvCode.FailedPrecondition, $"Replica {present} of shard {change.Shard} lives here"));
        }
        else if (change.Replica.CompareTo(known) <= 0)
        {
            change.TryAnswer(new KvError(
                KvCode.FailedPrecondition, $"Replica {change.Replica} of shard {change.Shard} was removed here"));
        }
        else
        {
            _changing.Add(change.Shard.Value);
            _host.Pipeline.EnqueueWork(change.Shard, () => _host.Found(change, this));
        }
    }

    private void OnFounded(HostChange change)
    {
        _changing.Remove(change.Shard.Value);
        // It knows nobody and promises nothing until a leader writes to it.
        RaftGroup group = _host.MakeGroup(
            new GroupStart(change.Shard, change.Replica, Raft.RaftState.Joining, [], LastStamp: 0));
        Invariant.Assert(_groups[change.Shard.Value] is null);
        Volatile.Write(ref _groups[change.Shard.Value], group);
        _owned.Add(group);
        FollowTimers(group);
        Touch(group);
        _host.Metrics.Arrived.Add();
        change.TryAnswer(null);
        _host.ReplicasChanged?.Invoke(change.Shard);
    }

    private void BeginRemoval(HostChange change)
    {
        // Also of a replica that does not start, whose group is not there.
        if (_host.Replicas[change.Shard]?.State.Replica != change.Replica)
        {
            change.TryAnswer(null);
            return;
        }

        RaftGroup? group = _groups[change.Shard.Value];
        if (group?.Installing is not null || _host.Log.DiskFull is not null)
        {
            change.TryAnswer(ProposalErrors.Overloaded($"Replica {change.Replica} is being written", BusyRetry));
            return;
        }

        _changing.Add(change.Shard.Value);
        if (group is not null) TakeOut(group);
        // Behind every other write of the replica: in the log nothing of it follows its removal.
        _request.Writes.Add(LogWrite.Clean(change.Shard, change.Replica));
        _request.Removals.Add(change);
    }

    private void OnRemovalPersisted(HostChange change)
    {
        _host.Tombstones.Raise(change.Shard, change.Replica);
        _host.Retire(change, this);
    }

    private void OnRetired(HostChange change)
    {
        _changing.Remove(change.Shard.Value);
        _host.Metrics.Removed.Add();
        change.TryAnswer(null);
        _host.ReplicasChanged?.Invoke(change.Shard);
    }

    /// <summary>Nothing is taken from the core any more, and nothing given to it. Whoever waits is answered.</summary>
    private void TakeOut(RaftGroup group)
    {
        // First of all: what readers look at on other threads.
        group.Published.EndLease();
        Volatile.Write(ref _groups[group.Shard.Value], null);
        group.IsGone = true;
        _owned.Remove(group);
        if (group.IsTicking) _ticking.Remove(group);
        Volatile.Write(ref _tickingCount, _ticking.Count);
        _starved.Remove(group);
        _host.Snapshots?.Stop(group.Shard);
        KvError moved = ProposalErrors.NotLeader(group.Shard, HintOf(group, group.Core.Leader));
        foreach (Proposal parked in group.Parked) Refuse(parked, moved);
        group.Parked.Clear();
        foreach (Proposal proposal in group.Book.TakeAll())
        {
            proposal.Fail($"the replica of shard {group.Shard} was removed from this node");
            Leave(proposal);
        }

        foreach (ReadRequest read in group.Reads.TakeAll()) read.TryRefuse(moved);
        foreach ((_, HostCommand command) in group.Transfers) command.TryAnswer(moved);
        group.Transfers.Clear();
        _host.LeadersChanged?.Invoke();
    }
}
