using NoriKV.Node.Formation;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>What joiners and operators want, carried out on the leader of the meta group: each a compare-and-set of records.</summary>
internal sealed class MetaDesk
{
    private const int AttemptsMax = 8;
    private const string NoMajority = "The meta group has no majority";

    private readonly MetaContext _context;
    private readonly MetaLeader _leader;
    private readonly PlacementDriver _driver;

    public MetaDesk(MetaContext context, MetaLeader leader, PlacementDriver driver)
    {
        _context = context;
        _leader = leader;
        _driver = driver;
        context.Calls.Handle(PeerMethod.Join, async request =>
        {
            if (JoinQuestion.TryDecode(request.Body.Span) is not { } question) return PeerReply.Refuse("no request to join");
            if (!leader.IsLeading()) return Elsewhere();
            if (await IsUpToDateAsync(request.Deadline).ConfigureAwait(false))
                return Here(JoinAnswer.Encode(await JoinAsync(question).ConfigureAwait(false)));
            return leader.IsLeading() ? Here(JoinAnswer.Encode(JoinAnswer.NotNow(NoMajority))) : Elsewhere();
        });
        context.Calls.Handle(PeerMethod.Admin, async request =>
        {
            if (AdminCommand.TryDecode(request.Body.Span) is not { } command) return PeerReply.Refuse("no wish");
            if (!leader.IsLeading()) return Elsewhere();
            if (await IsUpToDateAsync(request.Deadline).ConfigureAwait(false))
                return Here(ClusterStatusBytes.Encode(await RunAsync(command, request.Deadline).ConfigureAwait(false)));
            return leader.IsLeading()
                ? Here(ClusterStatusBytes.Encode(Replication.ProposalErrors.Unavailable(NoMajority)))
                : Elsewhere();
        });
    }

    private PeerReply Elsewhere() => PeerReply.Ok(LeaderAnswer.Elsewhere(_context.MetaStatus.Leader));

    /// <summary>
    /// True when this leader has all that was written to the registry before. What is written on the strength of an older state is
    /// refused, but what is only said would be believed: a leader that has just been elected, or that was deposed and has not
    /// heard of it, told a joiner that its name belongs to a machine that had been given up, and showed a status without the node
    /// that had joined last.
    /// </summary>
    private async ValueTask<bool> IsUpToDateAsync(long deadline)
    {
        ReadBarrier barrier = await _context.Host.ReadBarrierAsync(
            _context.MetaShard, ReadOptions.Default, deadline).ConfigureAwait(false);
        return barrier.Error is null && _context.Host.Confirm(_context.MetaShard, barrier);
    }

    private static PeerReply Here(byte[] answer) => PeerReply.Ok(LeaderAnswer.Here(answer));

    private async ValueTask<JoinReply> JoinAsync(JoinRequest request)
    {
        for (int attempt = 0; attempt < AttemptsMax; attempt++)
        {
            MetaState state = _context.Store.Read();
            if (state.Settings is null) return JoinAnswer.NotNow("The cluster's registry is being written");
            if (WhyNot(state, request) is { } refusal) return JoinAnswer.Refused(refusal);
            RegisteredNode? known = state.FindMember(request.Name);
            RegisteredNode member = known is not null
                ? known with { StoreUuid = request.StoreUuid, Address = request.Address, Zone = request.Zone }
                : new RegisteredNode(
                    new NodeNumber(state.Counters.NextNode), request.Name, request.StoreUuid, request.Address, request.Zone,
                    RegisteredState.Active, _context.Time.GetUtcNow().ToUnixTimeMilliseconds());
            if (known == member) return Welcome(state, member);
            var changes = new List<MetaChange>
            {
                new(MetaRecords.NodeKey(member.Number), MetaRecords.Encode(member), state.VersionOf(member.Number)),
            };
            if (known is null)
            {
                MetaCounters counters = state.Counters with { NextNode = state.Counters.NextNode + 1 };
                changes.Add(new MetaChange(MetaRecords.CountersKey, MetaRecords.Encode(counters), state.CountersVersion));
                _leader.NoteJoining(member.Number);
            }

            switch (await _context.Store.WriteAsync(changes).ConfigureAwait(false))
            {
                case MetaWrite.Done:
                    _context.Signal.Set();
                    return Welcome(_context.Store.Read(), member);
                case MetaWrite.Failed:
                    return JoinAnswer.NotNow(NoMajority);
            }
        }

        return JoinAnswer.NotNow("The registry changes too fast");
    }

    private string? WhyNot(MetaState state, JoinRequest request)
    {
        // What the cluster has finalized, not what this leader happens to speak: the registry outlives its leaders.
        int version = state.Settings!.ClusterVersion;
        if (request.ProtocolMin > version || request.ProtocolMax < version)
        {
            return $"Node {request.Name} speaks protocols {request.ProtocolMin} to {request.ProtocolMax}, the cluster is at "
                + $"version {version}: start it from a release that speaks {version}";
        }

        if (_context.Options.Sync == Nori.Wal.SyncPolicy.Os)
        {
            return $"Node {_context.Identity.Name} runs with sync=os, which is for a node alone: start it with sync=batch";
        }

        RegisteredNode? taken = state.FindMember(request.Name);
        if (taken is not null && taken.StoreUuid != Guid.Empty && taken.StoreUuid != request.StoreUuid)
        {
            return $"The name {request.Name} belongs to node {taken.Number} with another data directory (store "
                + $"{taken.StoreUuid}); if that one is lost for good: norikv cluster replace {request.Name}";
        }

        RegisteredNode? same = state.Nodes.FirstOrDefault(n => n.StoreUuid == request.StoreUuid && n.Name != request.Name);
        RegisteredNode? gone = state.Nodes.FirstOrDefault(n => !n.IsMember && n.StoreUuid == request.StoreUuid);
        if (gone is not null)
        {
            return $"The data directory of {request.Name} belonged to node {gone.Number}, which is no member any more; "
                + "start it with an empty one";
        }

        return same is not null
            ? $"The data directory of {request.Name} belongs to node {same.Number}, {same.Name}"
            : null;
    }

    private static JoinReply Welcome(MetaState state, RegisteredNode member)
    {
        IEnumerable<RegisteredNode> others = state.Members.Where(n => n.Number != member.Number);
        return new JoinReply
        {
            ClusterId = state.Settings!.ClusterId,
            Number = member.Number,
            TotalShards = state.Settings.TotalShards,
            HashTags = state.Settings.HashTags,
            ReplicationFactor = state.Settings.ReplicationFactor,
            Nodes = [.. others.Append(member).OrderBy(static n => n.Number).Select(static n =>
                new PlannedNode(n.Number, n.Name, n.Address) { Zone = n.Zone, StoreUuid = n.StoreUuid })],
        };
    }

    private async ValueTask<KvResult<ClusterStatus>> RunAsync(AdminCommand command, long deadline)
    {
        for (int attempt = 0; attempt < AttemptsMax; attempt++)
        {
            MetaState state = _context.Store.Read();
            if (state.Settings is null) return Replication.ProposalErrors.Unavailable("The cluster's registry is being written");
            if (command.Kind == AdminCommandKind.Status) return Status(state);
            if (command.Kind == AdminCommandKind.MoveLeader) return await MoveLeaderAsync(state, command, deadline).ConfigureAwait(false);
            KvResult<IReadOnlyList<MetaChange>> wish = Wish(state, command);
            if (!wish.TryGet(out IReadOnlyList<MetaChange>? changes, out KvError? refused)) return refused;
            MetaWrite write = changes.Count == 0
                ? MetaWrite.Done
                : await _context.Store.WriteAsync(changes).ConfigureAwait(false);
            if (write == MetaWrite.Failed) return Replication.ProposalErrors.OutcomeUnknown(NoMajority);
            if (write == MetaWrite.Conflict) continue;
            _driver.Replan();
            return Status(_context.Store.Read());
        }

        return Replication.ProposalErrors.Overloaded("The registry changes too fast", TimeSpan.FromSeconds(1));
    }

    private KvResult<IReadOnlyList<MetaChange>> Wish(MetaState state, AdminCommand command) => command.Kind switch
    {
        AdminCommandKind.Drain => AdminWishes.Drain(state, command.Node, command.Factor, IsThere),
        AdminCommandKind.Undrain => AdminWishes.Undrain(state, command.Node),
        AdminCommandKind.Decommission => AdminWishes.Decommission(state, command.Node),
        AdminCommandKind.Replace => AdminWishes.Replace(state, command.Node, IsThere),
        _ => AdminWishes.MoveReplica(state, command.Shard, command.Node, command.Other, IsThere),
    };

    // Of whom this leader has not heard yet, since it leads, it is not said that he is silent.
    private bool IsThere(NodeNumber node) => _leader.SilenceOf(node) < _context.Placement.SilentAfter;

    private async ValueTask<KvResult<ClusterStatus>> MoveLeaderAsync(MetaState state, AdminCommand command, long deadline)
    {
        if (command.Shard.Value >= (uint)state.Shards.Count)
        {
            return new KvError(KvCode.InvalidArgument, $"Shard {command.Shard} does not exist: there are {state.DataShards}");
        }

        if (state.FindMember(command.Node) is not { } target) return AdminWishes.NoSuchNode(state, command.Node);
        if (AdminWishes.WhyNotLead(state, command.Shard, target, IsThere) is { } refused) return refused;
        NodeNumber leader = _leader.LeaderOf(command.Shard).Leader;
        if (leader.Value == 0) return Replication.ProposalErrors.NoQuorum;
        PeerReply reply = await _context.Calls.CallAsync(
            leader, PeerChannel.Control, PeerMethod.Transfer, GroupCommand.EncodeTransfer(command.Shard, target.Number),
            deadline).ConfigureAwait(false);
        if (!reply.IsOk || !GroupCommand.TryDecodeAnswer(reply.Body.Span, out KvError? error))
        {
            string why = $"Node {leader}, which leads shard {command.Shard}, does not answer";
            return reply.WasNotTaken
                ? Replication.ProposalErrors.Unavailable(why)
                : Replication.ProposalErrors.OutcomeUnknown(why);
        }

        return error is null ? Status(state) : error;
    }

    private ClusterStatus Status(MetaState state)
    {
        ShardStatus[] shards =
        [
            .. state.Shards.Select(s => new ShardStatus(
                s.Shard, MetaState.ToPlanned(s), _leader.LeaderOf(s.Shard).Leader, _leader.LeaderOf(s.Shard).Term, s.MoveText)),
        ];
        var replicas = new Dictionary<NodeNumber, int>();
        var leaders = new Dictionary<NodeNumber, int>();
        foreach (ShardStatus shard in shards.AsSpan(0, state.DataShards))
        {
            leaders[shard.Leader] = leaders.GetValueOrDefault(shard.Leader) + 1;
            foreach (PlannedReplica replica in shard.Replicas)
            {
                replicas[replica.Node] = replicas.GetValueOrDefault(replica.Node) + 1;
            }
        }

        MetaSettings settings = state.Settings!;
        return new ClusterStatus
        {
            ClusterId = settings.ClusterId,
            TotalShards = settings.TotalShards,
            ReplicationFactor = settings.ReplicationFactor,
            EffectiveReplicationFactor = settings.EffectiveFactor,
            ClusterVersion = settings.ClusterVersion,
            MetaLeader = _context.Self,
            ViewEpoch = _leader.ViewEpoch,
            Nodes = [.. state.Nodes.Select(n => new NodeStatus(
                n, replicas.GetValueOrDefault(n.Number), leaders.GetValueOrDefault(n.Number), _leader.IsLive(n.Number),
                (long)_leader.SilenceOf(n.Number).TotalMilliseconds))],
            Shards = shards,
            MovesInFlight = state.Shards.Count(static s => s.IsMoving),
            MovesWanted = _driver.MovesWanted,
        };
    }
}
