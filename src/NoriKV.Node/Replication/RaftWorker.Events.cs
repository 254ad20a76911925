using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>What happens in groups: events for observers, and who leads.</summary>
internal sealed partial class RaftWorker
{
    private void On(RaftGroup group, in Raft.RaftEvent raised)
    {
        var term = new Term(raised.Term.Value);
        switch (raised.Kind)
        {
            case Raft.RaftEventKind.BecameCandidate:
                _host.Metrics.Elections.Add();
                break;
            case Raft.RaftEventKind.BecameLeader:
                _options.Events.Emit(new LeaderElected(group.Shard, term, _options.NodeName));
                group.ActiveAt = Now();
                break;
            case Raft.RaftEventKind.ConfigurationAppended
                when group.Core is { Role: Raft.RaftRole.Leader, Configuration.IsJoint: false } core:
                _options.Events.Emit(new ShardCutOver(
                    group.Shard, term, core.Configuration.Voters.Count, core.Configuration.Learners.Count));
                break;
            case Raft.RaftEventKind.Woke:
                group.ActiveAt = Now();
                break;
            case Raft.RaftEventKind.TransferAborted:
                AnswerTransfers(group, isAborted: true);
                RequeueParked(group);
                break;
            case Raft.RaftEventKind.Healed:
                group.IsLossNoted = false;
                _host.Log.Heal(group.Shard, group.Replica);
                break;
        }
    }

    private void OnLeadership(RaftGroup group)
    {
        bool leads = group.Core.Role == Raft.RaftRole.Leader;
        if (group.WasLeader && !leads)
        {
            _options.Events.Emit(new SteppedDown(group.Shard, new Term(group.Core.Term.Value)));
            group.Book.EndTerm();
            _host.Snapshots?.Stop(group.Shard);
            group.ResignAt = 0;
        }

        group.WasLeader = leads;
        if (!group.Core.Leader.IsNone)
        {
            _host.Metrics.LeaderChanges.Add();
            AnswerTransfers(group, isAborted: false);
            RetryParked(group);
            if (group.Reads.Waiting.Count > 0) AskForReads(group);
        }

        _host.LeadersChanged?.Invoke();
    }

    /// <summary>Everything that the leader had committed at some moment since the start is applied: good for stale reads.</summary>
    private void NoteIfCaughtUp(RaftGroup group)
    {
        Raft.RaftCore core = group.Core;
        if (core.Leader.IsNone || core.IsDamaged) return;
        // An entry of the leader's own term is committed: before it, the commit index may be any old one.
        if (!core.TryGetTerm(core.Commit, out Raft.Term term) || term != core.Term) return;
        if (_host.Replicas.Applied(group.Shard).Value >= core.Commit.Value) group.Published.NoteCaughtUp();
    }

    private void NoteVotes(RaftGroup group, in Raft.RaftMessage message)
    {
        bool isGranted = message is { Kind: Raft.MessageKind.VoteResponse, IsRejected: false };
        if (!isGranted && message.Kind != Raft.MessageKind.Vote) return;
        var term = new Term(message.Term.Value);
        var from = new ReplicaId(message.From.Value);
        if (isGranted) _options.Events.Emit(new VoteGranted(group.Shard, term, from));
        else _options.Events.Emit(new VoteRequested(group.Shard, term, from));
    }
}
