using Nori.IO;
using Nori.Observe;
using NoriKV.Node.Healing;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// Applies committed entries of the shards it owns, in order: one round is one batch of the engine; then what it changed
/// is published, then proposals are answered.
/// </summary>
/// <remarks>Entries come from any thread; the lock guards the queue. Everything else belongs to the one that steps it.</remarks>
internal sealed class ApplyWorker(
    IStorage storage, ReplicaTable replicas, NodeFailure failure, Admission admission, ApplyPipeline pipeline,
    ApplyWorkerOptions options)
{
    private readonly Lock _lock = new();
    private readonly ApplyRound _round = new(storage);
    private readonly List<(CommittedEntry Entry, KvResult<EntryOutcome> Outcome)> _applied = [];
    private readonly Histogram _duration = options.Meter.Histogram(
        "raft_apply_duration_seconds", "From a round's first committed entry to its answer.", Buckets.Latency);

    private readonly WriteStages _stages = new(options.Meter, options.Time);

    private List<ApplyItem> _incoming = [];
    private List<ApplyItem> _current = [];
    private int _next;
    private bool _sealed;
    private long _retryAt;
    private long _began;

    /// <summary>Wakes the loop that steps it.</summary>
    public StepSignal Signal { get; } = new();

    /// <summary>True while committed entries wait or a round waits for space.</summary>
    public bool HasWork
    {
        get
        {
            lock (_lock) return _incoming.Count > 0 || _next < _current.Count || _sealed;
        }
    }

    /// <summary>Committed entries that wait for a round, those of the one under way left out.</summary>
    public int Queued
    {
        get
        {
            lock (_lock) return _incoming.Count;
        }
    }

    /// <summary>Milliseconds until a round that met a full disk is tried again; null when none waits.</summary>
    public int? RetryInMs => _retryAt != 0 && (_sealed || _next < _current.Count)
        ? (int)Math.Clamp(
            options.Time.GetElapsedTime(options.Time.GetTimestamp(), _retryAt).TotalMilliseconds + 1, 1, 1000)
        : null;

    public void Enqueue(in ApplyItem item)
    {
        lock (_lock) _incoming.Add(item);
    }

    public void Wake() => Signal.Set();

    public void WakeIfAny()
    {
        lock (_lock)
        {
            if (_incoming.Count == 0) return;
        }

        Signal.Set();
    }

    /// <summary>One round; false when there was nothing to do (or the disk is full and it is not yet time to retry).</summary>
    public bool RunOnce()
    {
        if (failure.Reason is not null) return false;
        try
        {
            if (!_sealed && !Gather()) return false;
            return _sealed ? Commit() : Work();
        }
        catch (Exception e) when (
            e is IOException or InvalidDataException or InvalidOperationException or Nori.Core.InvariantException)
        {
            failure.Set("The engine failed while applying", e);
            return false;
        }
    }

    private bool Gather()
    {
        if (_next == _current.Count && !TakeIncoming()) return false;
        _began = options.Time.GetTimestamp();
        // Other work is done alone, behind the round with what came before it.
        if (_current[_next].Work is not null) return true;
        int end = Math.Min(_current.Count, _next + options.RoundEntriesMax);
        for (; _next < end && _round.Bytes < options.RoundBytesMax && _current[_next].Work is null; _next++)
        {
            Apply(_current[_next].Entry);
        }

        _round.Seal();
        _sealed = true;
        _retryAt = _began;
        return true;
    }

    private bool Work()
    {
        if (_began < _retryAt) return false;
        try
        {
            _current[_next].Work!();
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            WaitForSpace();
            return false;
        }

        _next++;
        return true;
    }

    private void WaitForSpace() => _retryAt = options.Time.GetTimestamp()
        + (long)(options.DiskFullRetry.TotalSeconds * options.Time.TimestampFrequency);

    private bool TakeIncoming()
    {
        _current.Clear();
        _next = 0;
        lock (_lock)
        {
            if (_incoming.Count == 0) return false;
            (_incoming, _current) = (_current, _incoming);
        }

        return true;
    }

    private void Apply(in CommittedEntry entry)
    {
        ShardId shard = entry.Shard;
        KvResult<EntryOutcome> outcome;
        if (replicas.Stopped(shard) is { } stopped)
        {
            outcome = ProposalErrors.OutcomeUnknown(stopped);
        }
        else
        {
            try
            {
                outcome = replicas[shard]!.Apply(entry, _round);
            }
            catch (UnknownEntryException e)
            {
                // Skipping it would make this replica differ from the others: the shard stops, the node goes on.
                replicas.Stop(shard, e.Message);
                outcome = ProposalErrors.OutcomeUnknown(e.Message);
            }
            catch (CorruptionException e)
            {
                outcome = SetApart(shard, e);
            }
        }

        _applied.Add((entry, outcome));
    }

    /// <summary>
    /// A table cannot be read, in the middle of an entry: nothing that the round did of the shard counts, so that its state stays
    /// what its record says. The entries are committed; what they came to is known where the shard is whole.
    /// </summary>
    private KvResult<EntryOutcome> SetApart(ShardId shard, CorruptionException e)
    {
        string why = HealingText.SetApart(shard, e);
        replicas.SetApart(shard, why);
        _round.GiveUp(replicas[shard]!.State);
        KvResult<EntryOutcome> unknown = ProposalErrors.OutcomeUnknown(why);
        for (int i = 0; i < _applied.Count; i++)
        {
            if (_applied[i].Entry.Shard == shard) _applied[i] = (_applied[i].Entry, unknown);
        }

        options.Damaged?.Invoke(shard, e);
        return unknown;
    }

    private bool Commit()
    {
        if (options.Time.GetTimestamp() < _retryAt) return false;
        try
        {
            _round.Write();
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // The entries are durable in the log; they wait here until there is space again, and so does everything behind.
            WaitForSpace();
            return false;
        }

        foreach (ShardState state in _round.Touched) replicas.Publish(state);
        foreach (ShardState state in _round.Touched) pipeline.NotePublished(state.Shard);
        _round.Clear();
        _sealed = false;
        Answer();
        return true;
    }

    private void Answer()
    {
        bool hasRoom = false;
        AnswerBatch? batch = AnswerBatch.For(options.RunAnswers);
        long now = options.Time.GetTimestamp(), waited = 0, ahead = 0;
        foreach ((CommittedEntry entry, _) in _applied)
        {
            if (entry.Proposal is { } noted) _stages.Note(noted, _began);
        }

        _stages.Record();
        foreach ((CommittedEntry entry, KvResult<EntryOutcome> outcome) in _applied)
        {
            hasRoom |= pipeline.NoteApplied(entry.Shard, entry.Envelope.Length);
            if (entry.Proposal is not { } proposal) continue;
            proposal.TryAnswer(outcome, ref batch);
            admission.Exit(proposal.Envelope.Length);
            if (proposal.Ahead < QueuePace.CrowdMin || proposal.HasWaited) continue;
            waited += now - proposal.EnqueuedAt;
            ahead += proposal.Ahead;
        }

        batch?.Release();
        admission.Pace?.Note(waited, ahead);
        _applied.Clear();
        if (hasRoom) pipeline.RoomFreed?.Invoke();
        _duration.Record(options.Time.GetElapsedTime(_began).TotalSeconds);
    }
}
