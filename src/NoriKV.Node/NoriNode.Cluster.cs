using NoriKV.Node.Healing;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>Views, health and administration.</summary>
public sealed partial class NoriNode
{
    /// <summary>So long a shard may be without a leader before this node says that it cannot serve it.</summary>
    private static readonly TimeSpan LeaderlessMax = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public ClusterView View => _views.Current;

    /// <inheritdoc/>
    public IAsyncEnumerable<ClusterView> WatchAsync(CancellationToken cancellationToken) =>
        _views.WatchAsync(cancellationToken);

    /// <inheritdoc/>
    public string? NotReadyReason => _failure.Reason ?? _stopping;

    /// <inheritdoc/>
    public string? CannotServeReason => NotReadyReason ?? Dismissed ?? LacksLeaders() ?? LacksDisks();

    /// <inheritdoc/>
    public NodeHealth Health
    {
        get
        {
            string? notReady = NotReadyReason ?? Dismissed;
            var reasons = new List<string>();
            if (notReady is not null) reasons.Add(notReady);
            if (_diskFull is { } full) reasons.Add(full);
            if (!IsDiskWell) reasons.Add("The disk does not answer in time");
            if (_clock.ClockFault is { } fault) reasons.Add(fault);
            if (_writer.DiskFull is { } writing) reasons.Add($"Disk full: {writing}");
            var shards = new List<ShardHealth>(_totalShards);
            int leaderless = 0;
            foreach (RaftGroup group in _log.Groups)
            {
                if (group.Shard == MetaShard) continue;
                ReplicaStatus status = _log.Status(group.Shard);
                string? stopped = _replicas.Stopped(group.Shard);
                if (stopped is not null) reasons.Add(stopped);
                if (status.Leader.Value == 0) leaderless++;
                shards.Add(new ShardHealth(
                    group.Shard,
                    notReady is not null || stopped is not null ? HealthStatus.Unhealthy
                        : status.Leader.Value == 0 ? HealthStatus.Degraded
                        : HealthStatus.Healthy,
                    status.IsLeader && stopped is null,
                    status.Term,
                    status.Commit,
                    status.Applied));
            }

            foreach (ReplicaDamage damage in _mender.Damage)
            {
                // Those that are stopped have said so.
                if (_replicas.Stopped(damage.Shard) is null) reasons.Add(damage.What);
            }

            foreach (Comparing.ReplicaDifference difference in _consistency.Differences)
            {
                string then = difference.IsRebuilt ? "they are rebuilt" : "nothing was done, see docs/healing.md";
                reasons.Add(
                    $"Replicas of shard {difference.Shard} differ at index {difference.Index}, on nodes "
                    + $"{string.Join(", ", difference.Nodes)}: {difference.Range}; {then}");
            }

            // As far as this node knows: one whose disk stands still cannot take down that another one leads.
            if (leaderless > 0) reasons.Add($"This node knows no leader of {leaderless} {(leaderless == 1 ? "shard" : "shards")}");

            return new NodeHealth
            {
                Status = notReady is not null ? HealthStatus.Unhealthy
                    : reasons.Count > 0 ? HealthStatus.Degraded
                    : HealthStatus.Healthy,
                Reasons = reasons,
                NodeId = NodeId,
                Uptime = _time.GetElapsedTime(_startedAt),
                TotalShards = _totalShards,
                Shards = shards,
            };
        }
    }

    /// <inheritdoc/>
    public async ValueTask<KvResult<ShardView>> TransferShardAsync(ShardId shard, string targetNode, RequestContext context)
    {
        if (RefuseShard(shard) is { } refused) return refused;
        NodeNumber target = targetNode == NodeId
            ? _parts.Directory.Identity.Node
            : _options.Plan?.Nodes.FirstOrDefault(n => n.Name == targetNode)?.Number ?? default;
        if (target.Value == 0)
        {
            return new KvError(KvCode.FailedPrecondition, $"Node {targetNode} is not a member of this cluster");
        }

        long answerBy = _deadlines.AnswerBy(_time.GetTimestamp(), context.Deadline);
        KvError? error = await _log.TransferAsync(shard, target, answerBy).ConfigureAwait(false);
        if (error is not null) return error;
        FollowLeaders();
        return View.Shards[(int)shard.Value];
    }

    /// <inheritdoc/>
    public async ValueTask<KvResult<ShardView>> SnapshotShardAsync(ShardId shard, RequestContext context)
    {
        if (RefuseShard(shard) is { } refused) return refused;
        _options.Events.Emit(new SnapshotCut(shard, _replicas.Applied(shard), Finished: false));
        try
        {
            // Tables hold the shard's range through an index; then the log may forget everything through it.
            await _storage.FlushAsync(context.CancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return ProposalErrors.Cancelled;
        }
        catch (Exception e) when (e is IOException or Nori.Lsm.LsmFailedException)
        {
            return ProposalErrors.Unavailable(e.Message);
        }

        (LogIndex index, _) = _parts.Gate.Flushed(shard);
        if (await _log.TruncatePrefixAsync(shard, index).ConfigureAwait(false) is { } error) return error;
        _options.Events.Emit(new SnapshotCut(shard, index, Finished: true));
        return View.Shards[(int)shard.Value];
    }

    /// <summary>
    /// A part of the shards without a leader is a node that serves the others; a majority of them for longer than an election
    /// takes is a node that has lost its peers.
    /// </summary>
    private string? LacksLeaders()
    {
        int all = 0, without = 0;
        int ticks = (int)(LeaderlessMax / _log.Tick);
        foreach (RaftGroup group in _log.Groups)
        {
            if (group.Shard == MetaShard) continue;
            all++;
            GroupStatus status = group.Published;
            // A lone voter that cannot write its term for want of space is read all the same.
            if (status.Leader.Value != 0 || status.IsAlone(ulong.MaxValue)) continue;
            if (!status.HasBeenLed || group.LeaderlessTicks > ticks) without++;
        }

        return 2 * without > all ? $"{without} of the {all} shards on this node have no leader" : null;
    }

    // On a node without peers nobody looks at the disk but for this.
    private bool IsDiskWell => _clock.IsDiskWell && _writer.Stalled(_time.GetTimestamp()) <= RaftClock.StallMax;

    /// <summary>
    /// A disk that stands still costs nothing while a majority of each shard's replicas has others: they lead, and requests are
    /// forwarded. Where most shards have no such majority, this node's writes cannot be done, whoever leads.
    /// </summary>
    private string? LacksDisks()
    {
        bool isOwnStalled = _writer.Stalled(_time.GetTimestamp()) >= LeaderlessMax;
        if (!IsNetworked) return isOwnStalled ? "The disk does not answer: no write can be done" : null;
        IReadOnlySet<NodeNumber> stalled = _host.Liveness.StalledDisks();
        if (!isOwnStalled && stalled.Count == 0) return null;
        Meta.ClusterMap map = Table.Current;
        int all = 0, stuck = 0;
        foreach (RaftGroup group in _log.Groups)
        {
            if (group.Shard == MetaShard) continue;
            all++;
            bool canWrite = DiskMajority.CanWrite(
                map.ReplicasOf(group.Shard), Number, isOwnStalled, n => !stalled.Contains(n) && _host.Liveness.IsHeard(n));
            if (!canWrite) stuck++;
        }

        return 2 * stuck > all
            ? $"Disks do not answer in time: of {stuck} of the {all} shards on this node no majority can write"
            : null;
    }

    private KvError? RefuseShard(ShardId shard)
    {
        if (shard.Value >= (uint)_totalShards)
        {
            return new KvError(KvCode.InvalidArgument, $"Shard {shard} does not exist: there are {_totalShards}");
        }

        return (NotReadyReason ?? Dismissed) is { } reason ? ProposalErrors.Unavailable(reason) : null;
    }
}
