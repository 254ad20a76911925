using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Routing;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>
/// Bounded staleness on replicas that do not lead. The leader says how long ago the round was sent that a majority confirmed last,
/// and through which index everything committed then lies. Counted from before the question was sent, that is a moment of the
/// asker's own clock: no clocks are compared, and the way of the message only makes it older.
/// </summary>
public sealed partial class NoriNode
{
    private readonly Lock _askingLock = new();

    // By shard: who waits for the question under way; guarded by the lock. Each waits for a word of his own: of several who await
    // one task the runtime lets one go on where it ended and sends the others to the thread pool, and a node that is stepped would
    // leave its thread.
    private readonly Dictionary<uint, List<PendingDelay>> _asking = [];

    /// <summary>Asks the leader, unless what it said last is enough. Whether it helped the read finds out itself.</summary>
    private ValueTask AskFreshnessAsync(ShardId shard, ReadOptions options, long answerBy)
    {
        if (_log.Group(shard) is not { Published.HasCaughtUp: true } group) return ValueTask.CompletedTask;
        TimeSpan most = options.MaxStaleness is { } given && given > TimeSpan.Zero ? given : RaftHost.StalenessDefault;
        bool isEnough = group.Published.TryGetToldStaleness(
            _replicas.Applied(shard).Value, _host.NowNanoseconds(), out long age) && age <= most.TotalNanoseconds;
        NodeNumber leader = OwnLeaderOf(shard);
        if (isEnough || leader.Value == 0 || leader == Self) return ValueTask.CompletedTask;
        return AwaitFreshnessAsync(leader, shard, group, Math.Min(answerBy, _time.GetTimestamp() + _parkLength));
    }

    private async ValueTask AwaitFreshnessAsync(NodeNumber leader, ShardId shard, RaftGroup group, long by)
    {
        var told = new PendingDelay(by, _completions, CancellationToken.None);
        bool isFirst;
        lock (_askingLock)
        {
            isFirst = !_asking.TryGetValue(shard.Value, out List<PendingDelay>? waiting);
            if (isFirst) _asking[shard.Value] = waiting = [];
            waiting!.Add(told);
        }

        if (_watch.Add(told)) _loop?.WakeTicks();
        if ((_failure.Reason ?? Volatile.Read(ref _closed)) is { } ended) told.Fail(ended);
        if (isFirst) _ = AskFreshnessOfAsync(leader, shard, group, by);
        await told.Outcome.ConfigureAwait(false);
    }

    private async Task AskFreshnessOfAsync(NodeNumber leader, ShardId shard, RaftGroup group, long by)
    {
        try
        {
            long askedAt = _host.NowNanoseconds();
            PeerReply reply = await _calls.CallAsync(
                leader, PeerChannel.Forward, PeerMethod.Freshness, FreshnessCall.Request(shard), by).ConfigureAwait(false);
            if (reply.IsOk && FreshnessCall.TryReadAnswer(reply.Body.Span, out long age, out ulong index))
                group.Published.NoteFresh(askedAt - age, index);
        }
        finally
        {
            List<PendingDelay>? waiting;
            lock (_askingLock) _asking.Remove(shard.Value, out waiting);
            foreach (PendingDelay told in waiting ?? []) told.TryAnswer(true);
        }
    }

    private ValueTask<PeerReply> ServeFreshness(PeerRequest request)
    {
        if (!FreshnessCall.TryRead(request.Body.Span, out ShardId shard) || !HasShard(shard))
        {
            return ValueTask.FromResult(PeerReply.Refuse("a question that cannot be read"));
        }

        if (Unserving is not null || !LeadsHere(shard) || _log.Group(shard) is not { } group
            || !group.Published.TryGetStaleness(ulong.MaxValue, _host.NowNanoseconds(), out long age))
        {
            return ValueTask.FromResult(PeerReply.Refuse("nothing can be said of this shard here"));
        }

        // The index behind the age: it covers everything that was acknowledged before that round.
        return ValueTask.FromResult(PeerReply.Ok(FreshnessCall.Answer(age, group.Published.Commit.Value)));
    }
}
