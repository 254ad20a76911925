using NoriKV.Node.Machine;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>The steps of moves, asked of the shards' leaders.</summary>
internal sealed partial class PlacementDriver
{
    /// <summary>Shards asked of one leader at a time.</summary>
    private const int AskedMax = 512;

    /// <summary>Shards without a move that are looked at in a round, in turn: nothing else would ever notice a difference.</summary>
    private const int AuditedMax = 4;

    /// <summary>A move to a node that was silent for so many times the limit is taken back.</summary>
    private const int SilencesMax = 6;

    // Shards without a move that seemed to differ from their record: asked in earnest in the next round.
    private readonly HashSet<ShardId> _differing = [];
    private uint _auditAt;

    /// <summary>Takes each move a step further; true while any is under way.</summary>
    private async ValueTask<bool> AdvanceAsync(MetaState state, Roster roster)
    {
        bool isMoving = false;
        var asked = new SortedDictionary<NodeNumber, List<ShardId>>();
        foreach (MetaShard shard in state.Shards)
        {
            if (!shard.IsMoving && !_differing.Remove(shard.Shard)) continue;
            isMoving |= shard.IsMoving;
            Add(asked, shard.Shard);
        }

        var pending = new List<Task<List<MetaChange>>>();
        foreach ((NodeNumber leader, List<ShardId> shards) in asked)
        {
            pending.Add(AdvanceAtAsync(state, roster, leader, shards));
        }

        var changes = new List<MetaChange>();
        foreach (Task<List<MetaChange>> task in pending) changes.AddRange(await task.ConfigureAwait(false));
        if (changes.Count > 0) await _store.WriteAsync(changes).ConfigureAwait(false);
        if (_context.Placement.MovesReplicas) await AuditAsync(state).ConfigureAwait(false);
        return isMoving;
    }

    /// <summary>
    /// Looks at a few shards that nobody moves. What a leader says unasked of others is enough to see that nothing is to do, and
    /// a shard without work sleeps on; a difference is asked about again, in earnest.
    /// </summary>
    private async ValueTask AuditAsync(MetaState state)
    {
        var asked = new SortedDictionary<NodeNumber, List<ShardId>>();
        foreach (MetaShard shard in state.Shards)
        {
            if (!shard.IsMoving && shard.Shard.Value - _auditAt < AuditedMax) Add(asked, shard.Shard);
        }

        _auditAt = (_auditAt + AuditedMax) % (uint)state.Shards.Count;
        Task<PeerReply>[] glances =
        [
            .. asked.Select(leader => _context.Calls.CallAsync(
                leader.Key, PeerChannel.Control, PeerMethod.Glance, GroupReport.EncodeQuestion(leader.Value), Deadline()).AsTask()),
        ];
        foreach (Task<PeerReply> glance in glances)
        {
            PeerReply reply = await glance.ConfigureAwait(false);
            if (!reply.IsOk || GroupReport.TryDecode(reply.Body.Span) is not { } reports) continue;
            foreach (GroupReport report in reports)
            {
                if (report.Shard.Value < (uint)state.Shards.Count && !IsAsWanted(state, report)) _differing.Add(report.Shard);
            }
        }
    }

    private static bool IsAsWanted(MetaState state, GroupReport report) => report.IsLeader && report.IsSettled
        && MemberStep.Next(state.Shards[(int)report.Shard.Value], report.Members).IsDone;

    private void Add(SortedDictionary<NodeNumber, List<ShardId>> asked, ShardId shard)
    {
        NodeNumber leader = _leader.LeaderOf(shard).Leader;
        if (leader.Value == 0) return;
        if (!asked.TryGetValue(leader, out List<ShardId>? shards)) asked.Add(leader, shards = []);
        if (shards.Count < AskedMax) shards.Add(shard);
    }

    /// <summary>Asks a node how the shards stand that it leads, and for their next steps; returns records of what is done.</summary>
    private async Task<List<MetaChange>> AdvanceAtAsync(MetaState state, Roster roster, NodeNumber leader, List<ShardId> shards)
    {
        var done = new List<MetaChange>();
        PeerReply reply = await _context.Calls.CallAsync(
            leader, PeerChannel.Control, PeerMethod.Inspect, GroupReport.EncodeQuestion(shards), Deadline()).ConfigureAwait(false);
        if (!reply.IsOk || GroupReport.TryDecode(reply.Body.Span) is not { } reports) return done;
        var commands = new List<Task>();
        foreach (GroupReport report in reports)
        {
            if (!report.IsLeader || !report.IsSettled || report.Shard.Value >= (uint)state.Shards.Count) continue;
            MetaShard wanted = state.Shards[(int)report.Shard.Value];
            KvVersion version = state.ShardVersions[(int)report.Shard.Value];
            MemberStep step = MemberStep.Next(wanted, report.Members);
            if (step.IsDone)
            {
                if (wanted.IsMoving) done.Add(Record(MemberStep.Finish(wanted), version));
            }
            else if (IsHopeless(wanted, roster))
            {
                int voters = wanted.Shard == _context.MetaShard ? roster.MetaVoters : roster.Voters;
                done.Add(Record(MemberStep.Cancel(wanted, voters), version));
            }
            else
            {
                commands.Add(ChangeAsync(leader, report, step.Members!));
            }
        }

        foreach (Task command in commands) await command.ConfigureAwait(false);
        return done;
    }

    private static MetaChange Record(MetaShard shard, KvVersion version) =>
        new(MetaRecords.ShardKey(shard.Shard), MetaRecords.Encode(shard), version);

    // Whoever is to arrive will not: its node is gone, or to be emptied, or silent.
    private bool IsHopeless(MetaShard wanted, Roster roster) => wanted.Replicas.Any(r =>
        r.Role is MetaRole.Arriving or MetaRole.Joining
        && (!roster.Nodes.Any(n => n.Number == r.Node && !n.Draining)
            || _leader.SilenceOf(r.Node) > SilencesMax * _context.Placement.SilentAfter));

    private async Task ChangeAsync(NodeNumber leader, GroupReport report, IReadOnlyList<ConfigurationMember> members)
    {
        // What is refused (not caught up yet, another change under way) is looked at again in the next round.
        _ = await _context.Calls.CallAsync(
            leader, PeerChannel.Control, PeerMethod.ChangeMembers,
            GroupCommand.EncodeChange(report.Shard, report.ConfigurationIndex, members), Deadline()).ConfigureAwait(false);
    }

    /// <summary>Spreads leaderships by transfers, once nothing moved for a while.</summary>
    private async ValueTask LevelLeadersAsync(MetaState state)
    {
        if (!_context.Placement.LevelsLeaders || _context.Since(_movedAt) < _context.Placement.LevelAfter) return;
        var assignment = new List<ShardAssignment>();
        var leaders = new List<NodeNumber?>();
        foreach (MetaShard shard in state.Shards.Take(state.DataShards))
        {
            NodeNumber[] voters =
            [
                .. shard.Replicas.Where(r => r.Role == MetaRole.Voter && MayLead(state, r.Node)).Select(static r => r.Node),
            ];
            NodeNumber leader = _leader.LeaderOf(shard.Shard).Leader;
            if (voters.Length < 2 || !voters.Contains(leader)) continue;
            assignment.Add(new ShardAssignment(shard.Shard, voters));
            leaders.Add(leader);
        }

        if (assignment.Count == 0) return;
        var transfers = new List<Task>();
        foreach (LeaderTransfer transfer in PlacementPlanner.LevelLeaders(assignment, leaders))
        {
            if (transfers.Count == _context.Placement.TransfersMax) break;
            transfers.Add(_context.Calls.CallAsync(
                transfer.Source, PeerChannel.Control, PeerMethod.Transfer,
                GroupCommand.EncodeTransfer(transfer.Shard, transfer.Target), Deadline()).AsTask());
        }

        foreach (Task transfer in transfers) await transfer.ConfigureAwait(false);
        // Reports of it are on their way: what was levelled now is not levelled again meanwhile.
        if (transfers.Count > 0) _movedAt = _context.Now;
    }

    private bool MayLead(MetaState state, NodeNumber node) =>
        _leader.IsLive(node) && _context.Liveness.IsTrusted(node) && state.Find(node) is { State: RegisteredState.Active };

    private long Deadline() => _context.Now + _context.Ticks(_context.Placement.StepTimeout);

    // What any node does when the meta leader asks.
    private void HandleCommands()
    {
        _context.Calls.Handle(PeerMethod.Inspect, request => ReportAsync(request, _context.Host.ReportAsync));
        _context.Calls.Handle(PeerMethod.Glance, request => ReportAsync(request, _context.Host.ReportUnconfirmedAsync));
        _context.Calls.Handle(PeerMethod.ChangeMembers, async request =>
        {
            if (!GroupCommand.TryDecodeChange(
                request.Body.Span, out ShardId shard, out LogIndex expected, out ConfigurationMember[] members)
                || shard.Value > _context.MetaShard.Value)
            {
                return PeerReply.Refuse("no change of members");
            }

            KvError? error = await _context.Host.ChangeMembersAsync(shard, expected, members, request.Deadline).ConfigureAwait(false);
            return PeerReply.Ok(GroupCommand.EncodeAnswer(error));
        });
        _context.Calls.Handle(PeerMethod.Transfer, async request =>
        {
            if (!GroupCommand.TryDecodeTransfer(request.Body.Span, out ShardId shard, out NodeNumber target)
                || shard.Value > _context.MetaShard.Value)
            {
                return PeerReply.Refuse("no transfer");
            }

            KvError? error = await _context.Host.TransferAsync(shard, target, request.Deadline).ConfigureAwait(false);
            return PeerReply.Ok(GroupCommand.EncodeAnswer(error));
        });
    }

    private async ValueTask<PeerReply> ReportAsync(PeerRequest request, Func<ShardId, long, ValueTask<GroupReport?>> ask)
    {
        if (GroupReport.TryDecodeQuestion(request.Body.Span) is not { } shards) return PeerReply.Refuse("no shards");
        // All at once: where each asks a majority, the questions of one step share a round.
        Task<GroupReport?>[] asked =
        [
            .. shards.Where(shard => shard.Value <= _context.MetaShard.Value)
                .Select(shard => ask(shard, request.Deadline).AsTask()),
        ];
        var reports = new List<GroupReport>();
        foreach (Task<GroupReport?> one in asked)
        {
            if (await one.ConfigureAwait(false) is { } report) reports.Add(report);
        }

        return PeerReply.Ok(GroupReport.Encode(reports));
    }
}
