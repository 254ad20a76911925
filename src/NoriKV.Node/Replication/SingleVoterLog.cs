using System.Collections.Concurrent;
using Nori.Core;
using Nori.IO;
using Nori.Observe;
using Nori.Wal;
using NoriKV.Node.Entries;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// The replicated log of a node whose shards have one voter each, on the shared log: durable here is durable on the
/// majority. A step gathers what all shards propose, writes it as one batch, syncs once, and hands it on for applying.
/// </summary>
/// <remarks>
/// <see cref="RunOnce"/> has one owner, which is also the only one that touches the node's log. The lock guards the queue
/// of proposals.
/// </remarks>
internal sealed class SingleVoterLog : IReplicatedLog
{
    private static readonly TimeSpan FullRetry = TimeSpan.FromSeconds(1);

    private readonly INodeLog _log;
    private readonly ICommittedSink _sink;
    private readonly IStorage _storage;
    private readonly FlushGate _gate;
    private readonly NodeFailure _failure;
    private readonly Admission _admission;
    private readonly SingleVoterLogOptions _options;
    private readonly VoterGroup[] _groups;
    private readonly Lock _lock = new();
    private readonly ConcurrentQueue<LogCommand> _commands = new();
    private readonly List<(Proposal Proposal, VoterGroup Group, LogIndex Index)> _round = [];
    private readonly Histogram _commitDuration;
    private readonly Queue<Proposal> _queue = new();
    private string? _closed;
    private bool _syncWanted;
    private bool _maintenanceDue;
    private bool _markIsDue;

    public SingleVoterLog(
        INodeLog log, IReadOnlyList<VoterGroup> groups, ICommittedSink sink, IStorage storage, FlushGate gate,
        NodeFailure failure, Admission admission, SingleVoterLogOptions options)
    {
        _log = log;
        _groups = [.. groups];
        _sink = sink;
        _storage = storage;
        _gate = gate;
        _failure = failure;
        _admission = admission;
        _options = options;
        _gate.SyncWanted = WantSync;
        _commitDuration = options.Meter.Histogram(
            "raft_commit_duration_seconds", "From a proposal's arrival to its durability on a majority.", Buckets.Latency);
    }

    /// <summary>Wakes the loop that steps it.</summary>
    public StepSignal Signal { get; } = new();

    public bool MayRepropose => false;

    /// <summary>Proposals not yet written.</summary>
    public int QueuedProposals
    {
        get
        {
            lock (_lock) return _queue.Count;
        }
    }

    /// <summary>
    /// Begins a term for every shard: a hard state with a vote for itself and a no-op each, all in one batch with one
    /// sync. The no-ops are handed on for applying.
    /// </summary>
    public void BeginTerms(long nowUnixMs)
    {
        byte[][] envelopes = new byte[_groups.Length][];
        for (int i = 0; i < _groups.Length; i++)
        {
            VoterGroup group = _groups[i];
            group.Term = new Term(group.Term.Value + 1);
            _log.HardState(group.Shard, group.Replica, group.Term, group.Replica, group.Last);
            Append(group, envelopes[i] = EntryWriter.Encode(EntryKind.NoOp), nowUnixMs);
        }

        // Also under the policy Os: a term that was used and forgotten could be used twice.
        ulong watermark = _log.Write();
        _log.Sync();
        Invariant.Assert(watermark <= _log.DurableWatermark);
        NoteDurable();
        for (int i = 0; i < _groups.Length; i++)
        {
            VoterGroup group = _groups[i];
            group.Commit = group.Last;
            _sink.Enqueue(new CommittedEntry(group.Shard, group.Last, group.Term, envelopes[i], watermark, null));
        }

        _sink.EndRound();
    }

    public KvError? TryPropose(Proposal proposal)
    {
        if (_failure.Reason is { } reason) return ProposalErrors.Unavailable(reason);
        if (_admission.TryEnter(proposal.Envelope.Length) is { } overloaded) return overloaded;
        lock (_lock) _queue.Enqueue(proposal);
        Signal.Set();
        return null;
    }

    public ValueTask<ReadBarrier> ReadBarrierAsync(ShardId shard, ReadOptions options, long deadline)
    {
        // One voter leads always, and what it applied is all that was ever answered: every read is the latest.
        KvError? error = _failure.Reason is { } reason ? ProposalErrors.Unavailable(reason) : null;
        return ValueTask.FromResult(new ReadBarrier(error, options.Consistency, 0));
    }

    public ReplicaStatus Status(ShardId shard)
    {
        VoterGroup group = _groups[shard.Value];
        return new ReplicaStatus(group.Replica, _failure.Reason is null, group.Term, group.Commit, group.Last);
    }

    public ValueTask<KvError?> TransferAsync(ShardId shard, NodeNumber target, long deadline) => ValueTask.FromResult(
        target == _options.Node
            ? null
            : new KvError(KvCode.FailedPrecondition, $"Node {target} holds no replica of shard {shard}"));

    public ValueTask<KvError?> TruncatePrefixAsync(ShardId shard, LogIndex index)
    {
        var command = new LogCommand(shard, index, _options.RunInline);
        _commands.Enqueue(command);
        Signal.Set();
        if ((_failure.Reason ?? Volatile.Read(ref _closed)) is { } reason)
        {
            command.Complete(ProposalErrors.Unavailable(reason));
        }

        return new ValueTask<KvError?>(command.Done);
    }

    /// <summary>No step follows: answers the commands that still wait.</summary>
    public void Close(string why)
    {
        Volatile.Write(ref _closed, why);
        FailCommands(why);
    }

    /// <summary>The next step collects garbage.</summary>
    public void WantMaintenance()
    {
        Volatile.Write(ref _maintenanceDue, true);
        Signal.Set();
    }

    public bool RunOnce()
    {
        if (_failure.Reason is { } failed)
        {
            FailCommands(failed);
            return false;
        }

        try
        {
            return RunCommands() | AppendRound() | SyncWhenWanted() | Maintain();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or InvariantException)
        {
            _failure.Set("The log failed", e);
            return false;
        }
    }

    private bool AppendRound()
    {
        if (!_sink.HasRoom) return false;
        int bytes = 0;
        int taken = 0;
        long now = _options.Time.GetTimestamp();
        long nowUnixMs = _options.Time.GetUtcNow().ToUnixTimeMilliseconds();
        while (bytes < _options.BatchBytesMax && taken < _options.BatchEntriesMax && TryTake(out Proposal? proposal))
        {
            taken++;
            // Behind TryBegin the outcome belongs to the log: neither a cancellation nor a deadline says "not done".
            if (proposal.ExpireIfDue(now) || !proposal.TryBegin())
            {
                _admission.Exit(proposal.Envelope.Length);
                continue;
            }

            VoterGroup group = _groups[proposal.Shard.Value];
            _round.Add((proposal, group, Append(group, proposal.Envelope, nowUnixMs)));
            bytes += proposal.Envelope.Length;
        }

        if (_round.Count > 0) WriteRound();
        return taken > 0;
    }

    private void WriteRound()
    {
        ulong watermark;
        try
        {
            watermark = _log.Write();
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // Refused whole and nothing left behind: so it is certain that none of it was done.
            UndoRound(e.Message);
            return;
        }

        if (_options.Sync != SyncPolicy.Os)
        {
            // One fdatasync for all shards. Nothing is handed on, and so nothing answered, before it returned.
            _log.Sync();
            NoteDurable();
            _markIsDue = true;
        }

        long now = _options.Time.GetTimestamp();
        foreach ((Proposal proposal, VoterGroup group, LogIndex index) in _round)
        {
            group.Commit = index;
            _commitDuration.Record(_options.Time.GetElapsedTime(proposal.EnqueuedAt, now).TotalSeconds);
            _sink.Enqueue(new CommittedEntry(group.Shard, index, group.Term, proposal.Envelope, watermark, proposal));
        }

        _round.Clear();
        _sink.EndRound();
    }

    private void UndoRound(string why)
    {
        for (int i = _round.Count - 1; i >= 0; i--)
        {
            (Proposal proposal, VoterGroup group, LogIndex index) = _round[i];
            group.Last = new LogIndex(index.Value - 1);
            proposal.TryAnswer(ProposalErrors.Overloaded($"Disk full: {why}; the operation was not done", FullRetry));
            _admission.Exit(proposal.Envelope.Length);
        }

        _round.Clear();
    }

    private LogIndex Append(VoterGroup group, byte[] envelope, long nowUnixMs)
    {
        group.LastStamp = Math.Max(group.LastStamp, nowUnixMs);
        EntryWriter.Stamp(envelope, group.LastStamp);
        group.Last = group.Last.Next;
        _log.Append(group.Shard, group.Replica, group.Last, group.Term, envelope);
        return group.Last;
    }

    private bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Proposal? proposal)
    {
        lock (_lock) return _queue.TryDequeue(out proposal);
    }

    private void WantSync()
    {
        Volatile.Write(ref _syncWanted, true);
        Signal.Set();
    }

    private bool SyncWhenWanted()
    {
        if (!Volatile.Read(ref _syncWanted)) return false;
        Volatile.Write(ref _syncWanted, false);
        _log.Sync();
        NoteDurable();
        return true;
    }

    private void NoteDurable()
    {
        if (_gate.NoteDurable(_log.DurableWatermark)) _storage.NotifyDurable();
    }

    private bool Maintain()
    {
        if (!Volatile.Read(ref _maintenanceDue)) return false;
        Volatile.Write(ref _maintenanceDue, false);
        try
        {
            Tidy();
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // Nothing was lost; what garbage there is stays until there is room to move the rest of its segment.
        }

        return true;
    }

    private void Tidy()
    {
        // Bounds what a power loss takes under the policy Os to a second of writes.
        if (_log.HasUnsynced) _log.Sync();
        NodeLogGarbage garbage = _log.CollectGarbage(
            _storage.OldestUnflushedWatermark ?? ulong.MaxValue, _gate.FlushedIndex);
        NoteDurable();
        if (garbage.IsPinned && garbage.Segments > _options.EarlyFlushSegments)
        {
            // What is only in memory pins the log's old segments, and may do so for long where little is written.
            _storage.RequestFlush("log");
        }

        if (_markIsDue) _log.WriteDurableMark();
        _markIsDue = false;
    }

    private bool RunCommands()
    {
        bool any = false;
        while (_commands.TryDequeue(out LogCommand? command))
        {
            any = true;
            try
            {
                Truncate(command);
                command.Complete(null);
            }
            catch (StorageException e) when (e.IsDiskFull)
            {
                command.Complete(ProposalErrors.Overloaded($"Disk full: {e.Message}", FullRetry));
            }
        }

        return any;
    }

    private void Truncate(LogCommand command)
    {
        VoterGroup group = _groups[command.Shard.Value];
        if (command.Index.CompareTo(_log.Group(command.Shard).First) < 0) return;
        if (!_log.TryRead(command.Shard, command.Index, out CommittedEntry entry)) return;
        _log.TruncatePrefix(group.Shard, group.Replica, command.Index, entry.Term);
        _log.Write();
        _log.Sync();
        NoteDurable();
    }

    private void FailCommands(string why)
    {
        while (_commands.TryDequeue(out LogCommand? command)) command.Complete(ProposalErrors.Unavailable(why));
    }
}
