using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Routing;
using NoriKV.Node.Scanning;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>
/// Scans over several nodes: each is asked once for a page and merges its shards itself; the node that received the scan merges
/// the nodes. Nothing is held anywhere between pages.
/// </summary>
public sealed partial class NoriNode
{
    private const int CountedPairs = 8192;
    private const int CountedBytes = 1 << 20;
    private const int ScanPauseMaxMs = 100;

    private async IAsyncEnumerable<KvResult<ScanPage>> PagesOfNodesAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context)
    {
        long left = options.Limit;
        while (true)
        {
            KvResult<ScanPage> page = await ScanAsync(options, pagePairsMax, pageBytesMax, context).ConfigureAwait(false);
            yield return page;
            if (!page.TryGet(out ScanPage? given, out _) || given.NextPageToken.IsEmpty) yield break;
            left -= given.Pairs.Count;
            if (options.Limit > 0 && (left <= 0 || options.CountOnly)) yield break;
            options = options with { PageToken = given.NextPageToken, Limit = options.Limit > 0 ? left : 0 };
        }
    }

    private async ValueTask<KvResult<ScanPage>> ScanNodesAsync(ScanPlan plan, int pagePairsMax, int pageBytesMax)
    {
        if (plan.Options is { CountOnly: true, Limit: > 0 }) return await CountNodesAsync(plan).ConfigureAwait(false);
        var parts = new List<ScanPartPage>();
        ShardId[] rest = plan.Shards;
        KvError last = ProposalErrors.NoQuorum;
        for (int round = 0; rest.Length > 0; round++)
        {
            long now = _time.GetTimestamp();
            KvError? end = EndOfTries(now, now, plan.AnswerBy, isUnknown: false, plan.Context);
            if (end is not null) return RouteErrors.End(end, false, last);
            if (round > 0)
            {
                int pauseMs = Math.Min(5 << Math.Min(round, 5), ScanPauseMaxMs);
                await PauseAsync(pauseMs, plan.AnswerBy, plan.Context.CancellationToken).ConfigureAwait(false);
            }

            // All nodes are asked before the first is awaited.
            List<(ShardId[] Shards, Task<ScanAnswer> Answer)> asked = AskNodes(plan, rest, round, pagePairsMax, pageBytesMax);
            var refused = new List<ShardId>();
            foreach ((ShardId[] shards, Task<ScanAnswer> pending) in asked)
            {
                ScanAnswer answer = await pending.ConfigureAwait(false);
                refused.AddRange(answer.Refused);
                if (answer.Result.TryGet(out ScanPartPage? part, out KvError? error))
                {
                    if (answer.Refused.Count < shards.Length) parts.Add(part);
                    continue;
                }

                if (!RouteErrors.MayTryAgain(error)) return error;
                last = Settled(error, shards[0], default);
                refused.AddRange(shards.Except(answer.Refused));
            }

            rest = [.. refused.Order()];
            if (rest.Length > 0 && last.Code != KvCode.Unavailable) last = Settled(last, rest[0], default);
        }

        (IReadOnlyList<KvPair> pairs, byte[] token, long count) = ScanMerge.Page(
            parts, plan.Options, plan.Token?.Count ?? 0, pagePairsMax, pageBytesMax);
        long? staleness = parts.TrueForAll(static p => p.StalenessMs is not null) ? parts.Max(static p => p.StalenessMs) : null;
        return new ScanPage(pairs, token, count, ScanMetaOf(plan.Options, staleness));
    }

    /// <summary>A count that stops at a limit: where it stops only the keys say.</summary>
    private async ValueTask<KvResult<ScanPage>> CountNodesAsync(ScanPlan plan)
    {
        ScanOptions keys = plan.Options with { CountOnly = false, KeysOnly = true };
        long counted = 0;
        while (true)
        {
            ScanPlan step = plan with { Options = keys with { Limit = plan.Options.Limit - counted } };
            KvResult<ScanPage> page = await ScanNodesAsync(step, CountedPairs, CountedBytes).ConfigureAwait(false);
            if (!page.TryGet(out ScanPage? given, out KvError? error)) return error;
            counted += given.Pairs.Count;
            if (given.NextPageToken.IsEmpty || counted >= plan.Options.Limit) return given with { Pairs = [] };
            if (!PageToken.TryDecode(given.NextPageToken.Span, plan.Options, out PageToken token, out error)) return error!;
            plan = plan with { Token = token };
        }
    }

    /// <summary>Which node is asked for a shard's part of a scan.</summary>
    private NodeNumber ScanTargetOf(ShardId shard, ReadOptions options, int round)
    {
        RaftGroup? group = _replicas.Stopped(shard) is null ? _log.Group(shard) : null;
        if (group is not null && MayScanOwn(shard, group, options)) return Self;
        NodeNumber leader = OwnLeaderOf(shard);
        if (leader.Value == 0) leader = _directory.LeaderOf(shard);
        // A leader that did not answer may be none any more: the replicas in turn, this one among them.
        if (leader.Value != 0 && (leader != Self || group is not null) && round % 3 != 2) return leader;
        if (group is not null && round % 2 == 0) return Self;
        IReadOnlyList<NodeNumber> replicas = _directory.ReplicasOf(shard);
        NodeNumber next = replicas.Count == 0 ? Self : replicas[round % replicas.Count];
        return next == Self && group is null && replicas.Count > 1 ? replicas[(round + 1) % replicas.Count] : next;
    }

    private bool MayScanOwn(ShardId shard, RaftGroup group, ReadOptions options) => LeadsHere(shard)
        || (options.Consistency == Consistency.StaleOk && group.Published.HasCaughtUp);

    private List<(ShardId[] Shards, Task<ScanAnswer> Answer)> AskNodes(
        ScanPlan plan, ShardId[] rest, int round, int pagePairsMax, int pageBytesMax)
    {
        var byNode = new SortedDictionary<NodeNumber, List<ShardId>>();
        foreach (ShardId shard in rest)
        {
            NodeNumber target = ScanTargetOf(shard, plan.Options.Read, round);
            if (!byNode.TryGetValue(target, out List<ShardId>? shards)) byNode.Add(target, shards = []);
            shards.Add(shard);
        }

        var asked = new List<(ShardId[] Shards, Task<ScanAnswer> Answer)>(byNode.Count);
        foreach ((NodeNumber target, List<ShardId> shards) in byNode)
        {
            ShardId[] own = [.. shards];
            if (target != Self) asked.Add((own, ScanThereAsync(target, plan, own, round, pagePairsMax, pageBytesMax)));
        }

        // Its own part last: the others work meanwhile.
        if (byNode.TryGetValue(Self, out List<ShardId>? here))
        {
            ShardId[] own = [.. here];
            asked.Add((own, ScanHereAsync(plan with { Shards = own }, pagePairsMax, pageBytesMax)));
        }

        return asked;
    }

    private async Task<ScanAnswer> ScanThereAsync(
        NodeNumber target, ScanPlan plan, ShardId[] shards, int round, int pagePairsMax, int pageBytesMax)
    {
        byte[] request = new ForwardedScan(
            FirstHop, plan.Options, plan.Token?.LastKey, pagePairsMax, pageBytesMax, shards).Encode();
        // A count looks at everything there is, and takes its time.
        long by = plan.Options.CountOnly
            ? plan.AnswerBy
            : Math.Min(plan.AnswerBy, _time.GetTimestamp() + TryLength(round));
        PeerReply reply = await ForwardAsync(
            target, PeerMethod.Scan, default, request, by, plan.Context.CancellationToken).ConfigureAwait(false);
        return reply.IsOk && ForwardedScan.TryReadAnswer(reply.Body) is { } answer
            ? answer
            : new ScanAnswer(RouteErrors.Of(reply, _directory.NameOf(target)), shards);
    }

    /// <summary>This node's part of a page; shards that cannot be read here in time are refused, the others served.</summary>
    private async Task<ScanAnswer> ScanHereAsync(ScanPlan plan, int pagePairsMax, int pageBytesMax)
    {
        long by = ReadHereBy(_time.GetTimestamp(), plan.AnswerBy);
        ReadBarrier[] barriers = await AdmitScanAsync(plan.Shards, plan.Options.Read, by).ConfigureAwait(false);
        var refused = new List<ShardId>();
        var served = new List<ShardId>();
        for (int i = 0; i < barriers.Length; i++)
        {
            if (barriers[i].Error is { } error && !RouteErrors.MayTryAgain(error)) return new ScanAnswer(error, []);
            (barriers[i].Error is null ? served : refused).Add(plan.Shards[i]);
        }

        barriers = [.. barriers.Where(static b => b.Error is null)];
        if (served.Count == 0) return new ScanAnswer(new ScanPartPage([], 0, true, null, 0), refused);
        KvResult<ScanCursor> opened = await OpenScanAsync(
            plan with { Shards = [.. served], AnswerBy = by }, barriers, pagePairsMax).ConfigureAwait(false);
        if (!opened.TryGet(out ScanCursor? cursor, out KvError? failed)) return new ScanAnswer(failed, plan.Shards);
        using (cursor)
        {
            KvResult<IReadOnlyList<KvPair>> page = Guarded(() => cursor.Next(pagePairsMax, pageBytesMax));
            if (!page.TryGet(out IReadOnlyList<KvPair>? pairs, out failed)) return new ScanAnswer(failed, []);
            long? staleness = Array.TrueForAll(barriers, static b => b.StalenessMs is not null)
                ? barriers.Max(static b => b.StalenessMs)
                : null;
            return new ScanAnswer(
                new ScanPartPage(pairs, cursor.Given, cursor.IsExhausted, cursor.LastKey, staleness), refused);
        }
    }

    /// <summary>A part of a scan that another node received: of the shards that this node leads.</summary>
    private async ValueTask<PeerReply> ServeScanAsync(PeerRequest request)
    {
        if (ForwardedScan.TryDecode(request.Body) is not { Hops: FirstHop } scan || !scan.Shards.All(HasShard))
        {
            return PeerReply.Refuse("a scan that cannot be read");
        }

        // It takes a while, and other requests wait behind it on the thread that brought it.
        if (_loop is not null) await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (Unserving is { } reason) return PeerReply.Ok(ForwardedScan.Answer(ProposalErrors.Unavailable(reason)));
        var mine = new List<ShardId>(scan.Shards.Count);
        var others = new List<ShardId>();
        foreach (ShardId shard in scan.Shards)
        {
            bool isMine = _log.Group(shard) is { } group && MayScanOwn(shard, group, scan.Options.Read);
            (isMine ? mine : others).Add(shard);
        }

        long answerBy = AnswerBefore(request.Deadline);
        PageToken? token = scan.LastKey is { } lastKey ? new PageToken(lastKey, 0) : null;
        var context = new RequestContext(answerBy, "", request.CancellationToken);
        ScanAnswer answer = mine.Count == 0
            ? new ScanAnswer(new ScanPartPage([], 0, true, null, 0), [])
            : await ScanHereAsync(
                new ScanPlan(scan.Options, token, [.. mine], answerBy, context), scan.PairsMax, scan.BytesMax).ConfigureAwait(false);
        return PeerReply.Ok(answer.Result.TryGet(out ScanPartPage? page, out KvError? error)
            ? ForwardedScan.Answer(page, [.. others.Concat(answer.Refused).Order()])
            : ForwardedScan.Answer(error));
    }

    private KvMeta ScanMetaOf(ScanOptions options, long? stalenessMs)
    {
        KvMeta meta = _metas.Of(options.Read.Consistency);
        bool isKnown = options.Read.Consistency is Consistency.Linearizable or Consistency.Lease;
        return meta with { Snapshot = "per_shard", StalenessMs = isKnown ? 0 : stalenessMs };
    }
}
