using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// Reads. A lone voter's, and one under a lease, are let through at once and confirmed behind the read; what cannot be
/// proven here asks a majority.
/// </summary>
internal sealed partial class RaftHost
{
    /// <summary>How old a bounded read may be that does not say.</summary>
    public static readonly TimeSpan StalenessDefault = TimeSpan.FromSeconds(5);

    // Hot path: a lone voter's read waits for nothing and changes threads nowhere.
    public ValueTask<ReadBarrier> ReadBarrierAsync(ShardId shard, ReadOptions options, long deadline)
    {
        if (_groups[shard.Value] is not { } group)
        {
            return Refused(options, ProposalErrors.NotLeader(shard, null));
        }

        if (_context.Failure.Reason is { } reason) return Refused(options, ProposalErrors.Unavailable(reason));
        LogIndex applied = _context.Replicas.Applied(shard);
        if (group.Published.IsAlone(applied.Value) && group.Published.HasWhatOthersShow(applied.Value))
        {
            return ValueTask.FromResult(new ReadBarrier(null, options.Consistency, 0, applied, MustConfirm: true));
        }

        return TryPassAtOnce(group, options, applied) is { } passed
            ? ValueTask.FromResult(passed)
            : ReadIndexAsync(shard, options, deadline);
    }

    public bool Confirm(ShardId shard, in ReadBarrier barrier)
    {
        if (!barrier.MustConfirm) return true;
        if (_groups[shard.Value] is not { } group) return false;
        GroupStatus status = group.Published;
        if (status.IsAlone(barrier.Applied.Value)) return true;
        // The clock behind the read: between a look before and the read a process may stand still longer than any lease.
        return status.IsLeased(barrier.Applied.Value, NowNanoseconds());
    }

    public ValueTask<ReadBarrier> ReadIndexAsync(ShardId shard, ReadOptions options, long deadline)
    {
        if (_groups[shard.Value] is not { } group) return Refused(options, ProposalErrors.NotLeader(shard, null));
        var read = new ReadRequest(
            shard, ServedByMajority(options.Consistency), _context.Options.Time.GetTimestamp(), deadline, _completions);
        Watch(read);
        // A group that sleeps is woken by reads that ask the less the fresher its leader is, so that the next ones need not ask;
        // others leave it asleep.
        bool mayShare = options.Consistency is not (Consistency.Lease or Consistency.Bounded);
        bool isShared = mayShare && _rounds is { } rounds && rounds.TryAdd(group, read);
        if (!isShared) AskAlone(group, read);
        if ((_context.Failure.Reason ?? Volatile.Read(ref _closed)) is { } reason) read.Fail(reason);
        return read.Outcome;
    }

    /// <summary>The barriers asked for until <see cref="EndReads"/>, without a wait in between, share one question to each peer.</summary>
    public void BeginReads() => _rounds?.BeginGather();

    /// <summary>They are asked for.</summary>
    public void EndReads() => _rounds?.EndGather();

    /// <summary>Rounds of reads that nobody answered are given up.</summary>
    public bool LookAtReads() => _rounds?.Look() ?? false;

    private void AskAlone(RaftGroup group, ReadRequest read)
    {
        if (!WorkerOf(group.Shard).TryPost(read))
        {
            read.TryRefuse(ProposalErrors.Overloaded("Too many reads wait for a majority", OverloadRetry));
        }
    }

    private void ReceiveReadRound(NodeNumber from, ReadOnlySpan<byte> frame)
    {
        bool isOurs = ReadRoundFrame.TryDecode(
            frame, _context.Sender!.Cluster, out ReadRoundFrame round, out ReadOnlySpan<byte> body);
        if (!isOurs || round.From != from || round.To != _context.Options.Node) _context.Metrics.BadFrames.Add();
        else if (round.IsAnswer) _rounds!.OnAnswer(from, round, body);
        else _rounds!.Answer(from, round, body, IsLedSo);
    }

    // Hot path: on the thread that brought the question. A later term is published before anything of it leaves this node, a vote
    // above all; so whoever is elected in it is elected behind this answer.
    private bool IsLedSo(ReadRoundGroup asked)
    {
        if (asked.Shard.Value >= (uint)_groups.Length || _groups[asked.Shard.Value] is not { } group) return false;
        GroupStatus status = group.Published;
        return group.Replica == asked.Asked && status.Leader == asked.Leader && status.Term == asked.Term;
    }

    private ReadBarrier? TryPassAtOnce(RaftGroup group, ReadOptions options, LogIndex applied)
    {
        GroupStatus status = group.Published;
        switch (options.Consistency)
        {
            case Consistency.Lease when status.IsLeased(applied.Value, NowNanoseconds()) && status.HasWhatOthersShow(applied.Value):
                return new ReadBarrier(null, Consistency.Lease, 0, applied, MustConfirm: true);
            case Consistency.StaleOk when status.HasCaughtUp:
                return new ReadBarrier(null, Consistency.StaleOk, null, applied);
            case Consistency.Bounded when TryGetStaleness(status, applied.Value, out long age):
                TimeSpan most = options.MaxStaleness is { } given && given > TimeSpan.Zero ? given : StalenessDefault;
                long ageMs = (age + 999_999) / 1_000_000;
                return ageMs <= most.TotalMilliseconds
                    ? new ReadBarrier(null, Consistency.Bounded, ageMs, applied)
                    : null;
            default:
                return null;
        }
    }

    private bool TryGetStaleness(GroupStatus status, ulong applied, out long nanoseconds)
    {
        long now = NowNanoseconds();
        return status.TryGetStaleness(applied, now, out nanoseconds)
            || status.TryGetToldStaleness(applied, now, out nanoseconds);
    }

    // What a majority confirmed is the latest, whatever was asked for; a lease is not what served it.
    private static Consistency ServedByMajority(Consistency asked) =>
        asked == Consistency.Lease ? Consistency.Linearizable : asked;

    private static ValueTask<ReadBarrier> Refused(ReadOptions options, KvError error) =>
        ValueTask.FromResult(new ReadBarrier(error, options.Consistency, null));

    private long NowNanoseconds() => _context.NowNanoseconds();
}
