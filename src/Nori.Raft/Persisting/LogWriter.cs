using System.Collections.Concurrent;

namespace Nori.Raft;

/// <summary>Gives the log what Readies want stored, in order; what gathers during one write shares the next.</summary>
internal sealed class LogWriter(IRaftLog log, TimeProvider time)
{
    private const int JobsPerWriteMax = 1024;
    private const long WriteBytesMax = 16 << 20;
    private readonly ConcurrentQueue<LogJob> _queue = new();
    private readonly List<RaftLogWrite> _writes = [];
    private static readonly TimeSpan IdleAfter = TimeSpan.FromMilliseconds(10);
    private long _queuedBytes;
    private ulong _persisted;
    private long? _wroteAt;

    /// <summary>Bytes that wait or are being written.</summary>
    public long QueuedBytes => Interlocked.Read(ref _queuedBytes);

    /// <summary>The last Ready that is durable, with all before it.</summary>
    public ulong Persisted => Volatile.Read(ref _persisted);

    public void Enqueue(LogJob job)
    {
        Interlocked.Add(ref _queuedBytes, job.Size);
        _queue.Enqueue(job);
    }

    public bool RunOnce()
    {
        long bytes = 0;
        ulong last = 0;
        bool any = false;
        for (int jobs = 0; jobs < JobsPerWriteMax && bytes < WriteBytesMax && _queue.TryDequeue(out LogJob? job); jobs++)
        {
            any = true;
            if (job.Install is { } install)
            {
                // First the snapshot, then the log that begins behind it: a crash between leaves a snapshot that is ahead of
                // the log, and the start repeats this step.
                Flush();
                install.Commit();
            }

            if (job.Write is { } write) _writes.Add(write);
            bytes += job.Size;
            last = Math.Max(last, job.Number);
        }

        if (!any)
        {
            NoteIdle();
            return false;
        }

        Flush();
        Interlocked.Add(ref _queuedBytes, -bytes);
        if (last > 0) Volatile.Write(ref _persisted, last);
        return true;
    }

    private void Flush()
    {
        if (_writes.Count == 0) return;
        log.Write(_writes);
        _writes.Clear();
        _wroteAt = time.GetTimestamp();
    }

    private void NoteIdle()
    {
        if (_wroteAt is not { } wroteAt || time.GetElapsedTime(wroteAt) < IdleAfter) return;
        _wroteAt = null;
        log.OnIdle();
    }
}
