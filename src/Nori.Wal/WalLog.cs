using Nori.Core;
using Nori.IO;
using Nori.Observe;

namespace Nori.Wal;

/// <summary>
/// The log itself: one owner, one thread at a time, no thread of its own; every call does its work before it returns.
/// <see cref="Wal"/> puts group commit and waiting callers on top.
/// </summary>
/// <remarks>
/// After a failed write, sync or rename every call throws <see cref="WalFailedException"/>: what reached the disk is
/// unknown. A full disk is different: the append is refused and the log stays as it was (docs/formats/wal.md).
/// </remarks>
public sealed partial class WalLog : IDisposable
{
    private readonly WalOptions _options;
    private readonly IDisposable _lock;
    private readonly Prng _prng;
    private readonly List<string> _free = [];

    // Segments left behind by a roll whose last bytes no sync covers yet; the current one is not among them.
    private readonly List<SegmentFile> _unsynced = [];
    private readonly Counter _recordCount;
    private readonly Counter _byteCount;
    private readonly Histogram _syncSeconds;
    private SegmentFile[] _segments = [];
    private SegmentFile? _current;
    private ulong _epochMax;
    private long _allocated;
    private int _zeroAheadBytes = 32 << 10;
    private WalPosition _announced;

    // The current segment has bytes that no sync covers, if only those of a mark.
    private bool _isDirty;

    // Nothing may be written behind the end of the current segment: the next one could not be begun yet, for want of space.
    private bool _mustLeaveSegment;
    private IReadOnlyList<WalDamage> _damage = [];
    private WalFailedException? _failure;
    private bool _closed;

    private WalLog(WalOptions options, IDisposable directoryLock)
    {
        _options = options;
        _lock = directoryLock;
        _prng = new Prng(options.Seed);
        _recordCount = options.Meter.Counter("wal_records_total", "Records appended to the log.");
        _byteCount = options.Meter.Counter("wal_bytes_total", "Bytes appended to the log, headers included.");
        _syncSeconds = options.Meter.Histogram(
            "wal_fsync_duration_seconds", "Time of one fdatasync of the log.", Buckets.Latency);
        options.Meter.ObservableGauge(
            "wal_segments", "Live segments of the log.", () => Volatile.Read(ref _segments).Length);
        options.Meter.ObservableGauge(
            "wal_disk_bytes", "Bytes that the log's segments take on disk, those kept for reuse left out.",
            () => Volatile.Read(ref _segments).Sum(static s => (double)s.File.Length));
    }

    /// <summary>The directory.</summary>
    public string Directory => _options.Directory;

    /// <summary>Behind the last batch.</summary>
    public WalPosition End { get; private set; }

    /// <summary>Everything before it survives a loss of power.</summary>
    public WalPosition DurableEnd { get; private set; }

    /// <summary>True when records were appended that no sync covers.</summary>
    public bool HasUnsynced { get; private set; }

    /// <summary>The first failure, or null while the log works.</summary>
    public WalFailedException? Failure => _failure;

    /// <summary>The live segments, oldest first.</summary>
    public IReadOnlyList<SegmentInfo> Segments => Array.ConvertAll(_segments, segment => segment.Info);

    /// <summary>Opens or creates the log, repairs a torn tail, and makes what it found durable.</summary>
    /// <param name="options">Where and how.</param>
    /// <param name="report">What was found.</param>
    /// <param name="replay">Receives every record, in the same pass that checks them.</param>
    /// <exception cref="CorruptionException">Damage below what was known durable, a missing or foreign
    /// segment.</exception>
    /// <exception cref="StorageException">The file system failed, or another process has the directory.</exception>
    public static WalLog Open(WalOptions options, out RecoveryReport report, IWalReplay? replay = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));

        long started = options.Time.GetTimestamp();
        options.FileSystem.CreateDirectory(options.Directory);
        var log = new WalLog(options, options.FileSystem.LockDirectory(options.Directory));
        var recovery = new WalRecovery(options, replay);
        try
        {
            recovery.Run();
            log.Adopt(recovery);
        }
        catch
        {
            foreach (SegmentFile segment in recovery.Segments) segment.Dispose();
            foreach (SegmentFile segment in recovery.Dropped) segment.Dispose();
            log.Dispose();
            throw;
        }

        report = new RecoveryReport
        {
            Segments = recovery.Segments.Count,
            Batches = recovery.Batches,
            Records = recovery.Records,
            Bytes = recovery.Bytes,
            End = recovery.End,
            DurableKnown = recovery.Durable,
            TornTailBytes = recovery.TornTailBytes,
            CleanShutdown = recovery.CleanShutdown,
            Damage = recovery.Damage,
            RepairedBatches = recovery.Repairs.Count,
            IgnoredFiles = recovery.Ignored,
            Elapsed = options.Time.GetElapsedTime(started),
        };
        return log;
    }

    /// <summary>True when the batch does not fit the current segment, so that appending it begins another.</summary>
    public bool WouldRoll(WalBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return WouldRoll(batch.Bytes);
    }

    /// <summary>
    /// Writes the batch behind the end: after a crash all of it is there or nothing. Durable after <see
    /// cref="Sync"/>.
    /// </summary>
    /// <returns>The first record's position; <see cref="WalBatch.PositionOf"/> has all.</returns>
    /// <exception cref="ArgumentException">The batch is empty or larger than <see
    /// cref="WalOptions.BatchBytesMax"/>.</exception>
    /// <exception cref="StorageException">The disk is full; nothing was appended and the log goes on.</exception>
    /// <exception cref="WalFailedException">The log failed, now or before.</exception>
    public WalPosition Append(WalBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ThrowIfUnusable();
        if (batch.Count == 0) throw new ArgumentException("the batch is empty", nameof(batch));
        if (batch.Bytes > _options.BatchBytesMax)
        {
            throw new ArgumentException(
                $"the batch has {batch.Bytes} bytes; at most {_options.BatchBytesMax} are written at once", nameof(batch));
        }

        if (WouldRoll(batch.Bytes)) Roll();
        SegmentFile segment = Current;
        ReadOnlySpan<byte> bytes = batch.Seal(segment.Epoch, End, DurableEnd, WithRepairBlocks);
        Write(segment, bytes);
        batch.MarkWritten(End);
        Advance(bytes.Length);
        HasUnsynced = true;
        _announced = DurableEnd;
        ZeroAhead(segment, bytes.Length);
        _recordCount.Add(batch.Count);
        _byteCount.Add(bytes.Length);
        return batch.PositionOf(0);
    }

    /// <summary>Leaves the current segment and begins another, whose name and header are durable on return.</summary>
    /// <exception cref="StorageException">The disk is full; the log stays in its segment.</exception>
    /// <exception cref="WalFailedException">The log failed, now or before.</exception>
    public void Roll()
    {
        ThrowIfUnusable();
        BeginSegment();
    }

    /// <summary>
    /// Deletes (or keeps for reuse) the segments that lie wholly before the position; never the current one.
    /// </summary>
    /// <returns>How many.</returns>
    public int DeleteSegmentsBefore(WalPosition position)
    {
        ThrowIfUnusable();
        int count = 0;
        while (_segments.Length > 1 && _segments[0].Number < position.Segment)
        {
            Retire(_segments[0]);
            count++;
        }

        return count;
    }

    /// <summary>
    /// Syncs, writes the exact end, syncs again and releases the directory. After a failure it only releases.
    /// </summary>
    public void Close()
    {
        if (_closed) return;
        try
        {
            if (_failure is null)
            {
                Sync();
                CloseMark();
            }
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>
    /// Releases files and directory without writing anything, as a crash would. See <see cref="Close"/>.
    /// </summary>
    public void Dispose()
    {
        if (_closed) return;
        _closed = true;
        foreach (SegmentFile segment in _segments) segment.Dispose();
        _lock.Dispose();
    }

    private SegmentFile Current
    {
        get
        {
            Invariant.Assert(_current is not null);
            return _current;
        }
    }

    private bool WithRepairBlocks => _options.RepairBlocks && _options.Sync != SyncPolicy.Os;

    private bool WouldRoll(int bytes) => _mustLeaveSegment
        || (End.Offset + (long)bytes + (WithRepairBlocks ? RepairBlock.Bytes : 0) > _options.SegmentBytes
        && End.Offset > WalFormat.FirstBatchOffset);

    private void Write(SegmentFile segment, ReadOnlySpan<byte> bytes)
    {
        _isDirty = true;
        try
        {
            segment.File.Write(End.Offset, bytes);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            Erase(segment, bytes.Length);
            throw;
        }
        catch (Exception e)
        {
            throw Fail(e);
        }
    }

    /// <summary>
    /// A refused batch must not come back: its header goes, and its trailer, in bytes that are already allocated or never
    /// were.
    /// </summary>
    private void Erase(SegmentFile segment, int bytes)
    {
        try
        {
            if (segment.File.Length <= End.Offset) return;
            Span<byte> zeros = stackalloc byte[RepairBlock.TrailerBytes];
            zeros.Clear();
            long trailer = End.Offset + (long)bytes - RepairBlock.TrailerBytes;
            if (WithRepairBlocks && segment.File.Length > trailer) segment.File.Write(trailer, zeros);
            segment.File.Write(End.Offset, zeros[..WalFormat.BatchHeaderBytes]);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // A file system that copies on write needs space for this, too. What was refused is not whole, and the next
            // append goes over it.
        }
        catch (Exception e)
        {
            throw Fail(e);
        }
    }

    private void Advance(int bytes)
    {
        SegmentFile segment = Current;
        segment.End = End.Offset + (long)bytes;
        End = End with { Offset = (uint)segment.End };
        CheckInvariants();
    }

    /// <summary>
    /// Fills the way ahead with zeros, so that the fdatasyncs of the next small appends change no metadata. Large
    /// batches
    /// pay more for writing twice than for the metadata, and without syncs there is nothing to gain.
    /// </summary>
    private void ZeroAhead(SegmentFile segment, int batchBytes)
    {
        if (segment.End <= _allocated) return;
        _allocated = segment.End;
        if (_options.Sync == SyncPolicy.Os || batchBytes > _options.ZeroAheadBytesMax / 16) return;
        long target = Math.Min(segment.End + _zeroAheadBytes, _options.SegmentBytes);
        try
        {
            segment.File.ZeroFill(segment.End, target);
            _allocated = Math.Max(_allocated, target);
            _zeroAheadBytes = Math.Min(_zeroAheadBytes * 2, _options.ZeroAheadBytesMax);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // Only speed is lost; whether appends still fit shows at the next one.
        }
        catch (Exception e)
        {
            throw Fail(e);
        }
    }

    private WalFailedException Fail(Exception cause)
    {
        if (cause is WalFailedException known) return known;
        return _failure ??= new WalFailedException(_options.Directory, cause);
    }

    private void ThrowIfUnusable()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (_failure is not null) throw new WalFailedException(_options.Directory, _failure.InnerException!);
    }

    private void CheckInvariants()
    {
        Invariant.Assert(DurableEnd <= End);
        Invariant.Assert(_announced <= DurableEnd);
        Invariant.Assert(End.Offset % WalFormat.Alignment == 0);
        Invariant.Assert(End.Segment == Current.Number);
    }
}
