using System.Runtime.InteropServices;
using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>
/// The one log of a node: entries and hard states of all its groups, made durable by one fdatasync per batch. An
/// index in
/// memory finds an entry by group and index (docs/formats/shared-log.md).
/// </summary>
/// <remarks>
/// One owner, one thread at a time; no thread of its own. Only <see cref="TryReadEntry(ShardId, LogIndex, out LogEntry)"/>
/// and <see cref="TryGetTerm"/> may be called from other threads meanwhile, a sync included. A failed write or sync fails it for ever
/// (<see cref="WalFailedException"/>); a full disk refuses the batch and leaves it as it was.
/// </remarks>
public sealed partial class SharedLog : IDisposable
{
    private readonly SharedLogOptions _options;
    private readonly WalLog _log;
    private readonly Dictionary<uint, LogGroup> _groups = [];
    private readonly SegmentUsage _usage = new();
    private readonly SharedLogBatch _stateBatch = new();
    private readonly SharedLogBatch _garbageBatch = new();
    private readonly Dictionary<uint, Check> _checks = [];

    // Guards the index, and the files it names, between the owner that changes them and readers on other threads. Never
    // held during a write or a sync of entries.
    private readonly Lock _index = new();

    // The segment that begins with a copy of all small records; written again when the log has left it.
    private ulong _stateSegment;
    private long _dropped;

    private SharedLog(SharedLogOptions options, out SharedLogRecovery recovery)
    {
        _options = options;
        var replay = new Replay(this);
        _log = WalLog.Open(options.ToWal(), out RecoveryReport report, replay);
        try
        {
            recovery = FinishReplay(report, replay);
        }
        catch
        {
            Dispose();
            throw;
        }

        // Covers all that was found, and lies below every batch to come.
        LastWatermark = DurableWatermark = Pack(_log.End) - 1;
    }

    // Not merely the last batch's watermark: an entry that is read back is told by its own place, inside its batch.
    private void NoteDurable() => DurableWatermark = Pack(_log.End) - 1;

    /// <summary>Where it lies.</summary>
    public string Directory => _options.Directory;

    /// <summary>The watermark of the last batch written. Watermarks rise, also over a restart.</summary>
    public ulong LastWatermark { get; private set; }

    /// <summary>Batches with a watermark at or below it survive a loss of power.</summary>
    public ulong DurableWatermark { get; private set; }

    /// <summary>True when a batch was written that no sync covers.</summary>
    public bool HasUnsynced => _log.HasUnsynced;

    /// <summary>The first failure, after which nothing is taken; null while the log works.</summary>
    public WalFailedException? Failure => _log.Failure;

    /// <summary>Entries kept, of all groups.</summary>
    public long LiveEntries => _usage.Entries;

    /// <summary>Bytes they take.</summary>
    public long LiveBytes => _usage.Bytes;

    /// <summary>True when more is kept than the node's budget; see <see cref="TryFindLargestGroup"/>.</summary>
    public bool IsOverBudget => LiveEntries > _options.LiveEntriesMax || LiveBytes > _options.LiveBytesMax;

    /// <summary>The WAL's segments.</summary>
    public IReadOnlyList<SegmentInfo> Segments => _log.Segments;

    /// <summary>Opens or creates the log and rebuilds the index in one pass.</summary>
    /// <exception cref="CorruptionException">What was durable is damaged or missing.</exception>
    /// <exception cref="StorageException">The file system failed.</exception>
    public static SharedLog Open(SharedLogOptions options, out SharedLogRecovery recovery)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        return new SharedLog(options, out recovery);
    }

    /// <summary>Writes the batch; durable after the next <see cref="Sync"/>.</summary>
    /// <returns>Its watermark: at or below <see cref="DurableWatermark"/> once it is durable.</returns>
    /// <exception cref="InvariantException">A record does not fit what the log holds; nothing was
    /// written.</exception>
    /// <exception cref="StorageException">The disk is full; nothing was written.</exception>
    /// <exception cref="WalFailedException">The log failed.</exception>
    public ulong Write(SharedLogBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Count == 0) return LastWatermark;
        // A copy of a hard state behind the damage would pass for the newest one.
        Invariant.Assert(!_mustContain);
        CheckFits(batch);
        if (_log.WouldRoll(batch.Records)) _log.Roll();
        WriteStates();
        return Put(batch);
    }

    /// <summary>Makes every batch written durable.</summary>
    /// <exception cref="WalFailedException">It failed; it is never tried again.</exception>
    public void Sync()
    {
        _log.Sync();
        NoteDurable();
    }

    /// <summary>For idle moments: notes, unsynced, how far the log is durable.</summary>
    public void WriteDurableMark() => _log.WriteDurableMark();

    /// <summary>For idle moments: writes a mark and syncs, to see whether the disk still answers.</summary>
    /// <exception cref="WalFailedException">It failed; it is never tried again.</exception>
    public void ProbeSync()
    {
        _log.ProbeSync();
        NoteDurable();
    }

    /// <summary>What the log holds of the shard; null when it never held anything.</summary>
    public GroupState? GroupState(ShardId shard) =>
        _groups.TryGetValue(shard.Value, out LogGroup? group) ? group.State : null;

    /// <summary>
    /// What the log holds for a replica of the shard; null as well where it holds no more than that an earlier one went away.
    /// </summary>
    public GroupState? StateOf(ShardId shard, ReplicaId replica) =>
        GroupState(shard) is { IsClean: true } gone && gone.Replica.CompareTo(replica) < 0 ? null : GroupState(shard);

    /// <summary>All groups, by shard.</summary>
    public IReadOnlyList<GroupState> Groups =>
        [.. _groups.Values.OrderBy(group => group.Shard).Select(group => group.State)];

    /// <summary>The group that retains most bytes; false when none retains any.</summary>
    public bool TryFindLargestGroup(out GroupState largest)
    {
        LogGroup? found = null;
        foreach (LogGroup group in _groups.Values)
        {
            if (group.EntryCount == 0) continue;
            bool larger = found is null
                || group.LiveBytes > found.LiveBytes
                || (group.LiveBytes == found.LiveBytes && group.Shard.CompareTo(found.Shard) < 0);
            if (larger) found = group;
        }

        largest = found?.State ?? default;
        return found is not null;
    }

    /// <summary>The term of an entry, from memory; also of the last truncated one.</summary>
    public bool TryGetTerm(ShardId shard, LogIndex index, out Term term)
    {
        term = default;
        lock (_index)
        {
            if (!_groups.TryGetValue(shard.Value, out LogGroup? group)) return false;
            if (group.TryGet(index.Value, out EntryRef entry)) term = entry.Term;
            else if (index.Value == group.PrefixIndex) term = group.PrefixTerm;
            else return false;
            return true;
        }
    }

    /// <summary>
    /// The first of the shard's last entries that take no more than so many bytes together; 0 when all of them do. From any thread, in
    /// time proportional to those entries, and at once where all do.
    /// </summary>
    public LogIndex RetainedFrom(ShardId shard, long bytes)
    {
        lock (_index)
        {
            if (!_groups.TryGetValue(shard.Value, out LogGroup? group) || group.LiveBytes <= bytes) return default;
            ulong index = group.LastIndex;
            for (long rest = bytes; index >= group.FirstIndex && group.TryGet(index, out EntryRef entry); index--)
            {
                rest -= entry.StoredBytes;
                if (rest < 0) break;
            }

            return new LogIndex(index + 1);
        }
    }

    /// <summary>Reads an entry; false when the log does not hold it.</summary>
    /// <exception cref="CorruptionException">It is damaged.</exception>
    public bool TryReadEntry(ShardId shard, LogIndex index, out LogEntry entry)
    {
        entry = default;
        lock (_index)
        {
            if (!_groups.TryGetValue(shard.Value, out LogGroup? group)) return false;
            if (!group.TryGet(index.Value, out EntryRef at)) return false;
            entry = ReadEntry(group, index.Value, at);
            return true;
        }
    }

    /// <summary>Reads an entry; false when the log does not hold it.</summary>
    /// <exception cref="CorruptionException">It is damaged.</exception>
    public bool TryReadEntry(ShardId shard, LogIndex index, out Term term, out ReadOnlyMemory<byte> envelope)
    {
        bool found = TryReadEntry(shard, index, out LogEntry entry);
        (term, envelope) = (entry.Term, entry.Envelope);
        return found;
    }

    /// <summary>
    /// Reads entries from <paramref name="first"/> on, at least one if it is there, until a bound is met or the log
    /// ends.
    /// </summary>
    /// <returns>How many were added to the target.</returns>
    /// <exception cref="CorruptionException">One is damaged.</exception>
    public int ReadEntries(ShardId shard, LogIndex first, int entriesMax, long bytesMax, IList<LogEntry> target)
    {
        ArgumentNullException.ThrowIfNull(target);
        int count = 0;
        long bytes = 0;
        for (; count < entriesMax && (count == 0 || bytes < bytesMax); first = first.Next)
        {
            if (!TryReadEntry(shard, first, out LogEntry entry)) break;
            target.Add(entry);
            bytes += entry.Envelope.Length;
            count++;
        }

        return count;
    }

    /// <summary>Syncs, notes the exact end and releases the directory. After a failure it only releases.</summary>
    public void Close()
    {
        _log.Close();
        Dispose();
    }

    /// <summary>Releases everything without writing, as a crash would. See <see cref="Close"/>.</summary>
    public void Dispose()
    {
        _log.Dispose();
        _stateBatch.Dispose();
        _garbageBatch.Dispose();
    }

    private static ulong Pack(WalPosition position)
    {
        Invariant.Assert(position.Segment <= uint.MaxValue);
        return (position.Segment << 32) | position.Offset;
    }

    private LogEntry ReadEntry(LogGroup group, ulong index, EntryRef at)
    {
        bool found = _log.TryRead(at.Position, at.StoredBytes, out WalRecord stored);
        Invariant.Assert(found);
        bool ok = LogRecord.TryDecode(stored.Type, stored.Payload.Span, out LogRecord record);
        Invariant.Assert(ok);
        Invariant.Assert(record.Shard == group.Shard);
        Invariant.Assert(record.Replica == group.Replica);
        Invariant.Assert(record.Index.Value == index);
        Invariant.Assert(record.Term == at.Term);
        return new LogEntry(
            record.Index, record.Term, stored.Payload[LogRecord.EntryHeaderBytes..], Pack(at.Position));
    }

    private ulong Put(SharedLogBatch batch)
    {
        _log.Append(batch.Records);
        ReadOnlySpan<LogOperation> operations = CollectionsMarshal.AsSpan(batch.OperationList);
        lock (_index)
        {
            for (int i = 0; i < operations.Length; i++)
            {
                Apply(operations[i], batch.Records.PositionOf(i), batch.Records.StoredBytesOf(i), isStart: false);
            }
        }

        LastWatermark = Pack(batch.Records.PositionOf(0));
        return LastWatermark;
    }

    /// <summary>
    /// Begins the current segment with copies of every group's newest small records, unless it has them: so older
    /// segments
    /// never hold the only copy, and a damaged one is not the end of a vote.
    /// </summary>
    private void WriteStates()
    {
        if (_stateSegment == _log.End.Segment) return;
        GatherStates();
        if (_stateBatch.Count > 0)
        {
            if (_log.WouldRoll(_stateBatch.Records))
            {
                _log.Roll();
                GatherStates();
            }

            Put(_stateBatch);
        }

        _stateSegment = _log.End.Segment;
    }

    private void GatherStates()
    {
        _stateBatch.Clear();
        ulong current = _log.End.Segment;
        foreach (LogGroup group in _groups.Values.OrderBy(group => group.Shard))
        {
            if (group.IsClean)
            {
                if (group.CleanPosition.Segment < current) _stateBatch.AddClean(LogRecord.CopyFlag, group.Shard, group.Replica);
                continue;
            }

            if (group.PrefixIndex > 0 && group.PrefixPosition.Segment < current)
            {
                _stateBatch.AddTruncatePrefix(
                    LogRecord.CopyFlag, group.Shard, group.Replica, new LogIndex(group.PrefixIndex), group.PrefixTerm);
            }

            if (group.HardState is not { } state || group.HardStatePosition.Segment == current) continue;
            if (group.Mark.Damage == LogDamage.None)
            {
                _stateBatch.AddHardState(LogRecord.CopyFlag, group.Shard, group.Replica, state);
            }
            else
            {
                _stateBatch.AddMark(LogRecord.CopyFlag, group.Shard, group.Replica, state, group.Mark);
            }
        }
    }

    private void Apply(in LogOperation operation, WalPosition position, int storedBytes, bool isStart)
    {
        LogGroup? group = GroupFor(operation);
        if (group is null)
        {
            _dropped++;
            return;
        }

        var entry = new EntryRef(checked((uint)position.Segment), position.Offset, storedBytes, operation.Term);
        switch (operation.Kind)
        {
            case LogRecordKind.Append:
                group.Append(operation.Index.Value, entry);
                break;
            case LogRecordKind.Rewrite:
                if (!group.Rewrite(operation.Index.Value, entry, isStart)) _dropped++;
                break;
            case LogRecordKind.HardState:
                group.SetHardState(operation.HardState, position);
                if (operation.Mark is { } mark) group.SetMark(mark, operation.IsCopy, position);
                break;
            case LogRecordKind.TruncatePrefix:
                group.TruncatePrefix(operation.Index.Value, operation.Term, operation.ReplacesLog, position);
                break;
            case LogRecordKind.Clean:
                group.Clean(position);
                break;
            default:
                throw Invariant.Unreachable("a kind that the decoder does not know");
        }
    }

    /// <summary>The group the record belongs to; null when it is of a replica that is gone.</summary>
    private LogGroup? GroupFor(in LogOperation operation)
    {
        ref LogGroup? group = ref CollectionsMarshal.GetValueRefOrAddDefault(_groups, operation.Shard.Value, out _);
        if (group is null)
        {
            group = new LogGroup(operation.Shard, operation.Replica, _usage);
        }
        else if (group.Replica != operation.Replica)
        {
            // A new arrival of the shard. Ids are never reused, so an older one is a replica that is gone.
            if (!group.IsClean && operation.Replica.CompareTo(group.Replica) < 0) return null;
            group.Discard();
            group = new LogGroup(operation.Shard, operation.Replica, _usage);
        }

        return group.IsClean && operation.Kind != LogRecordKind.Clean ? null : group;
    }
}
