using Nori.Core;
using Nori.IO;
using Nori.Observe;
using Nori.Wal;
using NoriKV.Node.Log;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// Writes what all workers want in the log: a step takes everything that waits and writes it as one batch, the next one syncs once
/// for all groups and hands it back. Also collects the log's garbage.
/// </summary>
/// <remarks>
/// Two steps, so that an owner without threads has others run in between: beside the log's thread the workers go on while a sync
/// is under way (decision 0218).
/// <see cref="RunOnce"/> has one owner, which alone changes the log. The lock guards the queue. A failed write or sync ends
/// the node; a full disk does not (decision 0095): the batch stays as it is and is tried again.
/// </remarks>
internal sealed partial class LogWriter : IDisposable
{
    private readonly SharedLog _log;
    private readonly LogTickets _tickets;
    private readonly IStorage _storage;
    private readonly FlushGate _gate;
    private readonly NodeFailure _failure;
    private readonly LogWriterOptions _options;
    private readonly Lock _lock = new();
    private readonly Queue<WriteRequest> _queue = new();
    private readonly SharedLogBatch _batch = new();

    // Taken and in the log, or in the batch; handed back together.
    private readonly List<WriteRequest> _taken = [];
    private long _writtenAt;

    private readonly Histogram _duration;
    private readonly Histogram _batchWrites;
    private ulong _lastTicket;
    private long _oldestWaiting;
    private long _lastSyncAt;

    // Where the taking stands: the next write of the next request.
    private int _requestAt;
    private int _writeAt;

    // The first request that begins in the batch being gathered.
    private ulong _batchTicket;

    // Everything through this ticket is in the log, durable after the next sync.
    private ulong _writtenTicket;
    private bool _mustSync;
    private long _bytes;
    private long _retryAt;
    private string? _diskFull;

    public LogWriter(
        SharedLog log, LogTickets tickets, IStorage storage, FlushGate gate, NodeFailure failure, StepSignal signal,
        LogWriterOptions options)
    {
        _log = log;
        _tickets = tickets;
        _lastTicket = _writtenTicket = tickets.Base;
        _storage = storage;
        _gate = gate;
        _failure = failure;
        _options = options;
        _lastSyncAt = options.Time.GetTimestamp();
        Syncs = new SyncTimes(options.Time);
        _duration = options.Meter.Histogram(
            "log_write_duration_seconds", "From the hand-over of a write to the log until it is durable.", Buckets.Latency);
        _batchWrites = options.Meter.Histogram(
            "log_batch_requests", "Requests of workers that one sync covers.", new double[] { 1, 2, 4, 8, 16, 32, 64, 128, 256 });
        Signal = signal;
        _gate.SyncWanted = WantSync;
    }

    /// <summary>Wakes the loop that steps it.</summary>
    public StepSignal Signal { get; }

    /// <summary>How long its syncs take.</summary>
    public SyncTimes Syncs { get; }

    /// <summary>What was taken is written, and its sync under way: the next step is its end. The owner's to ask.</summary>
    public bool IsSyncing { get; private set; }

    /// <summary>Why nothing is written at the moment: the disk is full; null while it is not.</summary>
    public string? DiskFull => Volatile.Read(ref _diskFull);

    /// <summary>Milliseconds until a batch that met a full disk is tried again; null when none waits.</summary>
    public int? RetryInMs => DiskFull is null
        ? null
        : (int)Math.Clamp(
            _options.Time.GetElapsedTime(_options.Time.GetTimestamp(), _retryAt).TotalMilliseconds + 1, 1, 1000);

    /// <summary>Takes over a request; returns its ticket, above that of every one before.</summary>
    public ulong Submit(WriteRequest request)
    {
        request.SubmittedAt = _options.Time.GetTimestamp();
        lock (_lock)
        {
            request.Ticket = ++_lastTicket;
            _queue.Enqueue(request);
            if (_oldestWaiting == 0) Volatile.Write(ref _oldestWaiting, request.SubmittedAt);
        }

        Signal.Set();
        return request.Ticket;
    }

    /// <summary>Requests that wait to be written.</summary>
    public int Queued
    {
        get
        {
            lock (_lock) return _queue.Count;
        }
    }

    /// <summary>For how long the oldest write has waited for its sync; zero when none waits.</summary>
    public TimeSpan Stalled(long now)
    {
        long oldest = Volatile.Read(ref _oldestWaiting);
        return oldest == 0 ? TimeSpan.Zero : _options.Time.GetElapsedTime(oldest, now);
    }

    /// <summary>Since the last sync that succeeded.</summary>
    public TimeSpan SinceSync(long now) => _options.Time.GetElapsedTime(Volatile.Read(ref _lastSyncAt), now);

    public bool RunOnce()
    {
        if (_failure.Reason is not null) return false;
        try
        {
            if (!IsSyncing && WriteRound()) return true;
            return SyncRound() | WriteMarks() | SyncWhenWanted() | Probe() | Maintain();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or InvariantException)
        {
            _failure.Set("The log failed", e);
            return false;
        }
    }

    /// <summary>Nothing more is written. The log itself stays its owner's.</summary>
    public void Dispose() => _batch.Dispose();

    private bool WriteRound()
    {
        if (_diskFull is not null && _options.Time.GetTimestamp() < _retryAt) return false;
        try
        {
            // A batch that was refused for want of space is still there, and the taking stands behind it.
            if (_batch.Count > 0) WriteBatch();
            Take();
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            Volatile.Write(ref _diskFull, e.Message);
            _retryAt = _options.Time.GetTimestamp()
                + (long)(_options.DiskFullRetry.TotalSeconds * _options.Time.TimestampFrequency);
            return false;
        }

        Volatile.Write(ref _diskFull, null);
        if (_taken.Count == 0) return false;
        _writtenTicket = _taken[^1].Ticket;
        _writtenAt = _options.Time.GetTimestamp();
        IsSyncing = true;
        return true;
    }

    private void Take()
    {
        while (true)
        {
            for (; _requestAt < _taken.Count; _requestAt++, _writeAt = 0)
            {
                WriteRequest request = _taken[_requestAt];
                while (_writeAt < request.Writes.Count)
                {
                    if (_batch.Bytes >= _options.BatchBytesMax) WriteBatch();
                    // What began in an earlier batch does not begin in this one.
                    if (_batch.Count == 0) _batchTicket = _writeAt == 0 ? request.Ticket : request.Ticket + 1;
                    request.Writes[_writeAt++].AddTo(_batch);
                }
            }

            if (_bytes + _batch.Bytes >= _options.SyncBytesMax || !TryTake(out WriteRequest? next)) break;
            next.BeganAt = _options.Time.GetTimestamp();
            _taken.Add(next);
        }

        WriteBatch();
    }

    private void WriteBatch()
    {
        if (_batch.Count == 0) return;
        ulong place = _log.Write(_batch);
        _tickets.NoteWritten(_batchTicket, place);
        _mustSync |= _batch.MustSync;
        _bytes += _batch.Bytes;
        _batch.Clear();
    }

    private bool SyncRound()
    {
        if (!IsSyncing) return false;
        IsSyncing = false;
        bool syncs = _bytes > 0 && (_options.Sync != SyncPolicy.Os || _mustSync);
        if (syncs || !_log.HasUnsynced) Sync();
        long syncedAt = _options.Time.GetTimestamp();
        _batchWrites.Record(_taken.Count);
        foreach (WriteRequest request in _taken)
        {
            (request.WrittenAt, request.SyncedAt) = (_writtenAt, syncedAt);
            _duration.Record(_options.Time.GetElapsedTime(request.SubmittedAt, syncedAt).TotalSeconds);
            request.Owner.NotePersisted(request);
        }

        _taken.Clear();
        (_requestAt, _writeAt, _bytes, _mustSync) = (0, 0, 0, false);
        NoteOldest();
        return true;
    }

    private void NoteOldest()
    {
        lock (_lock)
        {
            Volatile.Write(ref _oldestWaiting, _queue.TryPeek(out WriteRequest? next) ? next.SubmittedAt : 0);
        }
    }

    private void Sync()
    {
        // One fdatasync for all groups. Nothing is handed back before it returned.
        if (_log.HasUnsynced)
        {
            long began = _options.Time.GetTimestamp();
            _log.Sync();
            _markIsDue = true;
            long ended = _options.Time.GetTimestamp();
            Syncs.Note(began, ended);
            Volatile.Write(ref _lastSyncAt, ended);
        }

        if (_gate.NoteDurable(_writtenTicket)) _storage.NotifyDurable();
    }

    private bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out WriteRequest? request)
    {
        lock (_lock) return _queue.TryDequeue(out request);
    }
}
