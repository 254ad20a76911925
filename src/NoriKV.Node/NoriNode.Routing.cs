using Nori.Observe;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Requests;
using NoriKV.Node.Routing;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node;

/// <summary>Who leads what, how long a try lasts, and when no further one is made (docs/routing.md).</summary>
public sealed partial class NoriNode
{
    /// <summary>How long something waits here for a leader before it looks elsewhere.</summary>
    private static readonly TimeSpan ParkMax = TimeSpan.FromMilliseconds(400);

    /// <summary>How long the first try at another node may take; each later one twice as long, up to four times.</summary>
    private static readonly TimeSpan FirstTry = TimeSpan.FromSeconds(1);

    /// <summary>So much before its asker's deadline a forwarded request is answered.</summary>
    private static readonly TimeSpan ReplyMargin = TimeSpan.FromMilliseconds(10);

    private readonly IShardDirectory _directory;
    private readonly long _parkLength;
    private readonly long _tryLength;
    private readonly long _replyMargin;
    private readonly Counter _forwarded;

    private NodeNumber Self => _parts.Directory.Identity.Node;

    /// <summary>Why nothing at all is served; null while requests are taken. A node that stops still forwards.</summary>
    private string? Unserving => _failure.Reason ?? Volatile.Read(ref _closed) ?? Dismissed ?? (HasPeers ? null : _stopping);

    private void ServePeers()
    {
        _calls.Handle(PeerMethod.Write, request => ServeWriteAsync(request, null));
        _calls.Handle(PeerMethod.Read, request => ServeReadAsync(request, null));
        _calls.Handle(PeerMethod.Scan, ServeScanAsync);
        _calls.Handle(PeerMethod.TracedWrite, ServeTracedWriteAsync);
        _calls.Handle(PeerMethod.TracedRead, ServeTracedReadAsync);
        _calls.Handle(PeerMethod.Freshness, ServeFreshness);
        _calls.Handle(PeerMethod.Picture, ServePicture);
    }

    private bool HasShard(ShardId shard) => shard.Value < (uint)_replicas.Count;

    private bool LeadsHere(ShardId shard) =>
        _log.Group(shard) is { } group && group.Published.Role == Raft.RaftRole.Leader;

    /// <summary>The node that leads as the own group knows; none.</summary>
    private NodeNumber OwnLeaderOf(ShardId shard)
    {
        if (_log.Group(shard) is not { } group) return default;
        return group.Published.Role == Raft.RaftRole.Leader ? Self : group.Published.LeaderNode;
    }

    private NodeNumber NextTarget(ref RouteTries tries, ShardId shard)
    {
        bool hasGroup = _log.Group(shard) is not null && _replicas.Stopped(shard) is null;
        return tries.Next(Self, OwnLeaderOf(shard), hasGroup, shard, _directory);
    }

    /// <summary>Why no further try is made; null to go on.</summary>
    private KvError? EndOfTries(long now, long began, long answerBy, bool isUnknown, RequestContext context)
    {
        if (Unserving is { } reason) return ProposalErrors.Unavailable(reason);
        if (context.CancellationToken.IsCancellationRequested) return ProposalErrors.Cancelled;
        // What the state machine has forgotten it would do again.
        if (isUnknown && _time.GetElapsedTime(began, now) >= _options.Machine.IdempotencyRetention / 2)
        {
            return ProposalErrors.DeadlineBehindProposed;
        }

        return now >= answerBy ? ProposalErrors.DeadlineBeforeProposed : null;
    }

    private static bool MayBeElsewhere(KvError error) =>
        error.Code is KvCode.NotLeader or KvCode.QuorumUnavailable or KvCode.DeadlineExceeded;

    /// <summary>What a try came to, as its caller is told when there is no further one.</summary>
    private KvError Settled(KvError error, ShardId shard, NodeNumber leader)
    {
        bool isTold = leader.Value != 0;
        if (!isTold) leader = OwnLeaderOf(shard);
        if (leader.Value == 0) leader = _directory.LeaderOf(shard);
        // Whoever is not heard leads nobody, as far as this node can tell, and is no address to send a client to; unless another
        // node, which was asked just now, says that he does.
        if (LacksQuorum(shard)) return ProposalErrors.NoQuorum;
        bool isThere = leader.Value != 0 && leader != Self && (isTold || _host.Liveness.IsHeard(leader));
        string address = isThere ? _directory.AddressOf(leader) : "";
        if (error.Code == KvCode.Unavailable) return address.Length == 0 ? error : error with { LeaderHint = address };
        return address.Length == 0 ? ProposalErrors.NoQuorum : ProposalErrors.NotLeader(shard, address);
    }

    /// <summary>True when most of the nodes that hold the shard are not heard.</summary>
    private bool LacksQuorum(ShardId shard)
    {
        IReadOnlyList<NodeNumber> replicas = _directory.ReplicasOf(shard);
        int there = replicas.Count(node => node == Self || _host.Liveness.IsHeard(node));
        return 2 * there < replicas.Count;
    }

    /// <summary>Asks another node, unless nothing is heard of it.</summary>
    private ValueTask<PeerReply> ForwardAsync(
        NodeNumber target, PeerMethod method, ReadOnlySpan<byte> head, ReadOnlyMemory<byte> body, long by,
        CancellationToken cancellationToken)
    {
        // What is sent to somebody who does not answer is of unknown outcome; what is not sent is not.
        if (!_host.Liveness.IsHeard(target)) return ValueTask.FromResult(new PeerReply(PeerReplyStatus.NotSent));
        _forwarded.Add();
        return _calls.CallAsync(target, PeerChannel.Forward, method, head, body, by, cancellationToken);
    }

    private long TryLength(int asked) => _tryLength << Math.Min(asked, 2);

    private long AnswerBefore(long deadline)
    {
        if (deadline == long.MaxValue) return _time.GetTimestamp() + (_tryLength << 2);
        long left = deadline - _time.GetTimestamp();
        return deadline - Math.Min(_replyMargin, Math.Max(0, left / 4));
    }

    /// <summary>Waits; false where it was cut short.</summary>
    private ValueTask<bool> PauseAsync(int milliseconds, long latest, CancellationToken cancellationToken)
    {
        long until = _time.GetTimestamp() + TicksOf(TimeSpan.FromMilliseconds(milliseconds));
        var pause = new PendingDelay(Math.Min(until, latest), _completions, cancellationToken);
        if (_watch.Add(pause)) _loop?.WakeTicks();
        if ((_failure.Reason ?? Volatile.Read(ref _closed)) is { } ended) pause.Fail(ended);
        return pause.Outcome;
    }

    private long TicksOf(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);
}
