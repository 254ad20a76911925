using Nori.Observe;
using NoriKV.Node.Peers;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Comparing;

/// <summary>
/// Compares the replicas of the shards that this node leads, one shard after the other, and acts on what differs: where most
/// voters hold what the leader holds, the others are rebuilt from it; otherwise it is told and nothing is done (decision 0174).
/// </summary>
/// <remarks>Stepped by one owner. The lock guards what is told to others.</remarks>
internal sealed class ConsistencyChecker
{
    private const int ToldMax = 64;

    private readonly ComparisonParts _parts;
    private readonly DigestKeeper _keeper;
    private readonly int _shards;
    private readonly Func<string?> _stopped;
    private readonly Action<ShardId, string> _rebuild;
    private readonly IEventSink _events;
    private readonly Counter _equal;
    private readonly Counter _different;
    private readonly Counter _undecided;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<uint, ReplicaDifference> _told = [];
    private Comparison? _current;
    private ulong _lastCheck;
    private uint _next;
    private long _dueAt;

    public ConsistencyChecker(
        ComparisonParts parts, DigestKeeper keeper, int shards, Func<string?> stopped, Action<ShardId, string> rebuild,
        IMeter meter, IEventSink events)
    {
        (_parts, _keeper, _shards, _stopped, _rebuild, _events) = (parts, keeper, shards, stopped, rebuild, events);
        _equal = Count("equal");
        _different = Count("different");
        _undecided = Count("undecided");
        meter.ObservableGauge(
            "node_replica_differences", "Shards led here whose replicas differed when they were compared last.",
            () => Differences.Count);
        parts.Calls.Handle(PeerMethod.CompareArm, ArmAsync);
        parts.Calls.Handle(PeerMethod.CompareAsk, request => ValueTask.FromResult(Answer(request)));
        parts.Calls.Handle(PeerMethod.CompareDiffers, request => ValueTask.FromResult(OnDiffers(request)));
        _dueAt = parts.Time.GetTimestamp() + Ticks(FirstWait);

        Counter Count(string result) => meter.Counter(
            "node_replica_comparisons_total", "Comparisons of a shard's replicas at one applied index.", new Label("result", result));
    }

    /// <summary>Wakes the loop that steps it.</summary>
    public StepSignal Signal { get; } = new();

    /// <summary>Milliseconds until a step has something to do although nothing happened.</summary>
    public int? RetryInMs => _current is not null || _keeper.IsHashing ? 20
        : _keeper.HasWork || _parts.Options.Interval != TimeSpan.Zero ? 1000
        : null;

    /// <summary>Shards whose replicas differed when they were compared last.</summary>
    public IReadOnlyList<ReplicaDifference> Differences
    {
        get
        {
            lock (_lock) return [.. _told.Values];
        }
    }

    /// <summary>How many replicas were compared last; 0 where that came to nothing.</summary>
    public int LastCompared { get; private set; }

    // Behind a start there is enough to do.
    private TimeSpan FirstWait => _parts.Options.Interval / Math.Max(1, _shards);

    /// <summary>One step; false when there was nothing to do.</summary>
    public bool RunOnce()
    {
        if (_stopped() is not null) return false;
        bool worked = _keeper.RunOnce();
        if (_current is { } running)
        {
            worked |= running.RunOnce();
            if (running.IsDone) Finish(running);
            return worked;
        }

        long now = _parts.Time.GetTimestamp();
        if (_parts.Options.Interval == TimeSpan.Zero || now < _dueAt) return worked;
        List<ShardId> led = Led();
        _dueAt = now + Ticks(_parts.Options.Interval / Math.Max(1, led.Count));
        if (led.Count == 0) return worked;
        int at = led.FindIndex(shard => shard.Value >= _next);
        Begin(led[Math.Max(at, 0)]);
        return true;
    }

    /// <summary>Compares a shard now, behind what is under way; for operators and tests. False where another one is.</summary>
    public bool TryBegin(ShardId shard)
    {
        if (_current is not null) return false;
        Begin(shard);
        Signal.Set();
        return true;
    }

    private void Begin(ShardId shard)
    {
        _next = shard.Value + 1;
        _current = new Comparison(shard, ++_lastCheck, _parts);
    }

    private List<ShardId> Led() => [.. _parts.Host.Groups
        .Where(group => group.HasPeers && group.Published.Role == Nori.Raft.Core.RaftRole.Leader)
        .Select(static group => group.Shard).Order()];

    private void Finish(Comparison done)
    {
        _current = null;
        LastCompared = done.Result?.Compared ?? 0;
        if (done.Result is not { } result)
        {
            _undecided.Add();
            return;
        }

        (result.Odd.Count == 0 ? _equal : _different).Add();
        lock (_lock)
        {
            _told.Remove(result.Shard.Value);
            if (result.Odd.Count == 0) return;
            if (_told.Count < ToldMax)
            {
                _told[result.Shard.Value] = new ReplicaDifference(
                    result.Shard, result.Index, [.. result.Odd.Select(static o => o.Node)], result.Range, result.LeaderHasMajority);
            }
        }

        _events.Emit(new ReplicasDiffer(result.Shard, result.Index, result.Odd.Count, result.LeaderHasMajority));
        if (!result.LeaderHasMajority) return;
        foreach ((ReplicaId replica, NodeNumber node, ulong hash) in result.Odd)
        {
            byte[] differs = CompareMessages.EncodeDiffers(result.Shard, replica, result.Index, hash, result.Range);
            _parts.Calls.Tell(node, Ports.PeerChannel.Control, PeerMethod.CompareDiffers, differs);
        }
    }

    private async ValueTask<PeerReply> ArmAsync(PeerRequest request)
    {
        if (!CompareMessages.TryDecodeArm(request.Body.Span, out ShardId shard, out ulong check, out LogIndex from)
            || shard.Value >= (uint)_shards)
        {
            return PeerReply.Refuse("a request that cannot be read");
        }

        bool isArmed = await _keeper.ArmAsync(shard, check, from, request.Deadline).ConfigureAwait(false);
        return isArmed ? PeerReply.Ok(default) : PeerReply.Refuse("not now");
    }

    private PeerReply Answer(PeerRequest request)
    {
        if (!CompareMessages.TryDecodeAsk(request.Body.Span, out ShardId shard, out ulong check, out bool withPieces))
            return PeerReply.Refuse("a request that cannot be read");
        (DigestState state, ReplicaDigest? digest) = _keeper.Ask(shard, check);
        return PeerReply.Ok(CompareMessages.EncodeAnswer(state, digest, withPieces));
    }

    /// <summary>This node's replica is the odd one. Believed of its leader only, and of what it found itself at that index.</summary>
    private PeerReply OnDiffers(PeerRequest request)
    {
        bool isRead = CompareMessages.TryDecodeDiffers(
            request.Body.Span, out ShardId shard, out ReplicaId replica, out LogIndex index, out ulong hash, out string range);
        if (!isRead || shard.Value >= (uint)_shards || _parts.Host.Group(shard) is not { } group) return PeerReply.Refuse("not here");
        bool isMeant = group.Replica == replica && group.Published.LeaderNode == request.From
            && _keeper.Find(shard, index)?.Hash == hash;
        if (!isMeant) return PeerReply.Refuse("not what is here");
        _events.Emit(new ReplicasDiffer(shard, index, 1, Rebuilt: true));
        _rebuild(shard, $"Shard {shard} is not served here until its leader has sent it: at index {index} it differs from the "
            + $"other replicas, {range}");
        return PeerReply.Ok(default);
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _parts.Time.TimestampFrequency);
}
