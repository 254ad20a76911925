using System.Collections.Concurrent;
using Nori.Core;
using Nori.Observe;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>Steps the state machine: entries, snapshots and reads, one at a time.</summary>
internal sealed class Applier(
    IStateMachine machine,
    ISnapshotStore snapshots,
    LogIndex applied,
    Histogram duration,
    TimeProvider time,
    Action<LogIndex, Action<Stream>> captured,
    Action<ReadCall> wasRead)
{
    private readonly ConcurrentQueue<ApplyJob> _jobs = new();
    private readonly ConcurrentQueue<ReadCall> _arrivedReads = new();
    private readonly List<ReadCall> _reads = [];
    private ulong _applied = applied.Value;
    private long _queuedBytes;

    /// <summary>The state holds every entry up to here.</summary>
    public LogIndex Applied => new(Volatile.Read(ref _applied));

    public long QueuedBytes => Interlocked.Read(ref _queuedBytes);

    public void Enqueue(ApplyJob job)
    {
        if (job is ApplyJob.Entries entries) Interlocked.Add(ref _queuedBytes, entries.Size);
        _jobs.Enqueue(job);
    }

    public void Enqueue(ReadCall read) => _arrivedReads.Enqueue(read);

    public bool RunOnce()
    {
        bool worked = _jobs.TryDequeue(out ApplyJob? job);
        if (worked) Run(job!);
        while (_arrivedReads.TryDequeue(out ReadCall? read)) _reads.Add(read);
        return RunReads() || worked;
    }

    public void Abandon(Exception? failure)
    {
        while (_jobs.TryDequeue(out ApplyJob? job))
            if (job is ApplyJob.Entries entries)
                foreach (PendingCommand? waiting in entries.Waiting) waiting?.Abandon(failure);
        while (_arrivedReads.TryDequeue(out ReadCall? read)) _reads.Add(read);
        foreach (ReadCall read in _reads) read.Abandon(failure);
        _reads.Clear();
    }

    private void Run(ApplyJob job)
    {
        switch (job)
        {
            case ApplyJob.Entries entries:
                Apply(entries);
                break;
            case ApplyJob.Restore:
                Restore();
                break;
            default:
                captured(Applied, machine.CaptureSnapshot());
                break;
        }
    }

    private void Apply(ApplyJob.Entries entries)
    {
        long started = time.GetTimestamp();
        for (int i = 0; i < entries.Items.Length; i++)
        {
            ref readonly RaftEntry entry = ref entries.Items[i];
            if (entry.Index <= Applied)
            {
                // A newer snapshot than the one these entries stand behind was restored: it holds their effect.
                entries.Waiting[i]?.Refuse(CommandStatus.Unknown, default);
                continue;
            }

            Invariant.Assert(entry.Index == Applied.Next);
            ReadOnlyMemory<byte> result = default;
            if (entry.Type == EntryType.Normal) result = machine.Apply(entry);
            Volatile.Write(ref _applied, entry.Index.Value);
            entries.Waiting[i]?.Applied(result);
        }

        Interlocked.Add(ref _queuedBytes, -entries.Size);
        duration.Record(time.GetElapsedTime(started).TotalSeconds);
    }

    private void Restore()
    {
        StoredSnapshot snapshot = SnapshotStream.Restore(machine, snapshots);
        Volatile.Write(ref _applied, snapshot.Meta.Index.Value);
    }

    private bool RunReads()
    {
        int kept = 0;
        for (int i = 0; i < _reads.Count; i++)
        {
            ReadCall read = _reads[i];
            if (read.IsOver) continue;
            if (read.Index > Applied) _reads[kept++] = read;
            else if (read.Execute(Applied)) Finish(read);
        }

        bool any = kept < _reads.Count;
        _reads.RemoveRange(kept, _reads.Count - kept);
        return any;
    }

    // A read under the lease goes back to the owner: only a lease that holds after the read makes it an answer.
    private void Finish(ReadCall read)
    {
        if (read.Lease is null) read.Complete(ReadStatus.Done);
        else wasRead(read);
    }
}
