using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>Proposals: into the core's log, or answered with who leads.</summary>
internal sealed partial class RaftWorker
{
    private static readonly TimeSpan FullRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan BusyRetry = TimeSpan.FromMilliseconds(50);

    // Certain not to have been done: another entry was committed in their place.
    private readonly List<Proposal> _lost = [];

    private void Propose(Proposal proposal)
    {
        if (proposal.ExpireIfDue(Now()))
        {
            Leave(proposal);
            return;
        }

        if (_groups[proposal.Shard.Value] is not { } group)
        {
            Refuse(proposal, ProposalErrors.NotLeader(proposal.Shard, null));
            return;
        }

        if (_host.Log.DiskFull is { } full)
        {
            Refuse(proposal, ProposalErrors.Overloaded($"Disk full: {full}; the operation was not done", FullRetry));
        }
        else if (group.Core.Role == Raft.RaftRole.Leader)
        {
            Append(group, proposal);
        }
        else if (group.Core.Leader.IsNone)
        {
            // An election is under way, or there is no majority: its deadline says how long to wait for a leader.
            proposal.NoteWaiting(ProposalErrors.NoQuorum);
            group.Parked.Add(proposal);
        }
        else
        {
            Refuse(proposal, ProposalErrors.NotLeader(group.Shard, HintOf(group, group.Core.Leader)));
        }
    }

    private void Append(RaftGroup group, Proposal proposal)
    {
        // The entry that begins the term is stamped first: stamps rise along the log.
        if (group.LedTerm != group.Core.Term.Value) Drain(group);
        // Behind TryBegin the outcome belongs to the log: neither a cancellation nor a deadline says "not done".
        if (!proposal.TryBegin())
        {
            Leave(proposal);
            return;
        }

        Raft.ProposeResult result = group.Core.TryPropose(1, proposal.Envelope.Length);
        switch (result.Status)
        {
            case Raft.ProposeStatus.Accepted:
                Stamp(group, proposal.Envelope);
                group.Staged.Add(result.First.Value, result.Term.Value, proposal.Envelope);
                group.Book.Add(result.First.Value, result.Term.Value, proposal);
                group.ActiveAt = proposal.AppendedAt = Now();
                Touch(group);
                break;
            case Raft.ProposeStatus.Overloaded:
                Refuse(proposal, ProposalErrors.Overloaded(
                    $"Too much of shard {group.Shard} waits for a majority; the operation was not done", BusyRetry));
                break;
            case Raft.ProposeStatus.Transferring when proposal.TryRequeue():
                // Nothing was done; it waits until the target leads, or this leader again.
                proposal.NoteWaiting(ProposalErrors.NotLeader(group.Shard, HintOf(group, result.Leader)));
                group.Parked.Add(proposal);
                break;
            default:
                Refuse(proposal, ProposalErrors.NotLeader(group.Shard, HintOf(group, result.Leader)));
                break;
        }
    }

    /// <summary>There is a leader now: those that waited for one are tried again.</summary>
    private void RetryParked(RaftGroup group)
    {
        if (group.Parked.Count == 0 || (group.Core.Role != Raft.RaftRole.Leader && group.Core.Leader.IsNone)) return;
        Proposal[] parked = [.. group.Parked];
        group.Parked.Clear();
        foreach (Proposal proposal in parked) Propose(proposal);
    }

    /// <summary>The leader leads on: those that waited for its successor are tried again, with the next step.</summary>
    private void RequeueParked(RaftGroup group)
    {
        foreach (Proposal proposal in group.Parked) Post(proposal);
        group.Parked.Clear();
    }

    /// <summary>What was lost for certain may be tried again: nothing of it was done, and nothing will be.</summary>
    private void ProposeLost()
    {
        if (_lost.Count == 0) return;
        Proposal[] lost = [.. _lost];
        _lost.Clear();
        foreach (Proposal proposal in lost)
        {
            if (proposal.TryRequeue()) Post(proposal);
            else Leave(proposal);
        }
    }

    /// <summary>Gives back what is held for proposals about which nothing will be learned any more.</summary>
    private void ForgetAnswered(RaftGroup group, ulong coveredThrough)
    {
        if (group.Parked.Count > 0)
        {
            foreach (Proposal proposal in group.Parked)
            {
                if (proposal.IsAnswered) Leave(proposal);
            }

            group.Parked.RemoveAll(static p => p.IsAnswered);
        }

        if (!group.Book.HasOrphans) return;
        var forgotten = new List<Proposal>();
        group.Book.Forget(coveredThrough, forgotten);
        foreach (Proposal proposal in forgotten) Leave(proposal);
    }

    private string? HintOf(RaftGroup group, Raft.ReplicaId leader) =>
        leader.IsNone ? null : _options.AddressOf(group.NodeOf(new ReplicaId(leader.Value)));

    private void Refuse(Proposal proposal, KvError error)
    {
        proposal.TryAnswer(error);
        Leave(proposal);
    }

    private void Leave(Proposal proposal) => _host.Admission.Exit(proposal.Envelope.Length);
}
