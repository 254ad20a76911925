using System.Buffers;
using Nori.IO;
using Nori.Raft.Core;
using Nori.Wal;

namespace Nori.Raft.Adapters;

/// <summary>
/// The log of a replica on a write-ahead log of its own: one sync for all that gathered, checksums on everything, damage
/// told from a torn end.
/// </summary>
/// <remarks>
/// When something that was durable is damaged, what stands before it is kept and the log says so
/// (<see cref="RaftState.IsDamaged"/>) until the replica has healed from the others. Where the damage may hide the newest
/// vote, the log does not open: the replica must come back under another id, with an empty directory.
/// </remarks>
public sealed class WalRaftLog : IRaftLog, IDisposable
{
    // Drawn in docs/formats/raft-log.md: WAL records of one type, each a RaftLogWrite. The hard state is in each of them,
    // base and mark at the start of each segment, so that old segments go without being read again.
    private const byte RecordType = 1;

    // Empty: damage before here is known, and what follows is not written on top of what it hid.
    private const byte ResumeType = 2;
    private const long BatchBytes = 8 << 20;
    private readonly WalRaftLogOptions _options;
    private readonly WalBatch _batch = new();
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly List<RaftLogWrite> _inBatch = [];
    private readonly WalLog _log;

    // Guards the image; the writing thread changes it, the reading one looks up.
    private readonly Lock _gate = new();
    private readonly LogImage _image = new();
    private ulong _segment;

    private WalRaftLog(WalRaftLogOptions options)
    {
        _options = options;
        Replay replay = new(_image);
        _log = WalLog.Open(options.ToWal(), out RecoveryReport report, replay);
        try
        {
            Report = report;
            Judge(replay);
        }
        catch
        {
            _log.Dispose();
            throw;
        }
    }

    /// <summary>What opening found.</summary>
    public RecoveryReport Report { get; }

    /// <summary>The segments there are.</summary>
    public IReadOnlyList<SegmentInfo> Segments => _log.Segments;

    /// <summary>Opens or creates a log; reads and checks all of it.</summary>
    /// <exception cref="ArgumentException">The options have problems.</exception>
    /// <exception cref="CorruptionException">Damage that may hide the newest vote, or of the files themselves.</exception>
    /// <exception cref="StorageException">The file system failed, or another process has the directory.</exception>
    public static WalRaftLog Open(WalRaftLogOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        return new WalRaftLog(options);
    }

    /// <inheritdoc/>
    public RaftState? Open()
    {
        lock (_gate) return _image.ToState();
    }

    /// <inheritdoc/>
    public void Write(IReadOnlyList<RaftLogWrite> writes)
    {
        ArgumentNullException.ThrowIfNull(writes);
        bool mustSync = false;
        foreach (RaftLogWrite write in writes)
        {
            foreach (RaftLogWrite part in Split(write)) Add(part);
            mustSync |= write.MustSync;
        }

        Append();
        if (mustSync) _log.Sync();
        if (writes.Any(w => w.Base is not null)) DropSegments();
    }

    /// <inheritdoc/>
    public void OnIdle() => _log.WriteDurableMark();

    /// <inheritdoc/>
    public void Read(LogIndex first, LogIndex last, long bytesMax, List<RaftEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        long bytes = 0;
        for (LogIndex next = first; next <= last && bytes < bytesMax;)
        {
            RecordRef found;
            lock (_gate)
                if (!_image.TryFind(next, out found)) return;
            foreach (RaftEntry entry in ReadRecord(found))
            {
                if (entry.Index < next || entry.Index > found.Last || entry.Index > last) continue;
                bytes += entry.Size;
                if (bytes > bytesMax && entry.Index > first) return;
                entries.Add(entry);
            }

            next = found.Last.Next;
        }
    }

    /// <summary>Notes the exact end and releases the directory.</summary>
    public void Dispose()
    {
        _log.Close();
        _batch.Dispose();
    }

    private IReadOnlyList<RaftEntry> ReadRecord(in RecordRef found)
    {
        if (!_log.TryRead(found.Position, found.StoredBytes, out WalRecord record))
            throw new InvalidOperationException($"entries {found.First} to {found.Last} were cut off while they were read");
        if (RaftLogWriteCodec.TryRead(record.Payload.Span, out RaftLogWrite write)) return write.Entries;
        throw Damaged(found.Position, "a record of a Raft log, format 1", "other bytes");
    }

    // Entries that came together may be too many for one record; nothing depends on their staying together.
    private IEnumerable<RaftLogWrite> Split(RaftLogWrite write)
    {
        int from = 0;
        do
        {
            int to = from;
            for (long bytes = 0; to < write.Entries.Count && (to == from || bytes < _options.RecordBytes); to++)
                bytes += write.Entries[to].Size;
            yield return new RaftLogWrite
            {
                Base = from == 0 ? write.Base : null,
                IsDamaged = from == 0 ? write.IsDamaged : null,
                HardState = write.HardState,
                Entries = write.Entries.Skip(from).Take(to - from).ToArray(),
                MustSync = write.MustSync,
            };
            from = to;
        }
        while (from < write.Entries.Count);
    }

    private void Add(RaftLogWrite part)
    {
        if (_batch.Bytes + part.Size > BatchBytes) Append();
        // Terms never fall: the newest hard state goes along with everything, so only the last record can hide it.
        HardState hard = part.HardState ?? (_inBatch.Count > 0 ? _inBatch[^1].HardState!.Value : _image.HardState);
        _inBatch.Add(part with { HardState = hard });
        Encode(_inBatch[^1]);
    }

    private void Encode(RaftLogWrite part)
    {
        _bytes.ResetWrittenCount();
        RaftLogWriteCodec.Write(part, _bytes);
        _batch.Add(RecordType, _bytes.WrittenSpan);
    }

    private void Append()
    {
        if (_inBatch.Count == 0) return;
        // A segment begins with all that is not entries.
        if (_image.Base is not null && (_log.End.Segment != _segment || _log.WouldRoll(_batch))) PutHead();
        _log.Append(_batch);
        _segment = _log.End.Segment;
        lock (_gate)
            for (int i = 0; i < _inBatch.Count; i++)
                _image.Apply(_inBatch[i], _batch.PositionOf(i), _batch.StoredBytesOf(i));
        _inBatch.Clear();
        _batch.Clear();
    }

    private void PutHead()
    {
        _inBatch.Insert(0, new RaftLogWrite
        {
            Base = _image.Base, IsDamaged = _image.IsDamaged, HardState = _image.HardState,
        });
        _batch.Clear();
        foreach (RaftLogWrite part in _inBatch) Encode(part);
    }

    // The cut must be durable before what it cuts off is gone.
    private void DropSegments()
    {
        WalPosition oldest = _image.Oldest ?? _log.End;
        if (_log.Segments[0].Number >= oldest.Segment) return;
        _log.Sync();
        _log.DeleteSegmentsBefore(oldest);
    }

    private void Judge(Replay replay)
    {
        _image.End();
        if (_image.Base is null && !replay.HasDamage && !replay.HasRecords) return;
        // Behind the damage nothing says what the vote was: a replica that forgot one could vote twice in a term.
        if (_image.Base is null || _image.HardStateAt < replay.LastDamage)
            throw Damaged(replay.LastDamage, "the newest term and vote", "damage behind which there are none");
        if (!replay.IsNews && !_image.IsFrozen) return;
        _image.Thaw();
        _batch.Add(ResumeType, []);
        _log.Append(_batch);
        _batch.Clear();
        Write([new RaftLogWrite { IsDamaged = true, MustSync = true }]);
    }

    private CorruptionException Damaged(WalPosition position, string expected, string actual) => new(
        Path.Combine(_options.Directory, $"{position.Segment:D20}.wal"), position.Offset, expected, actual);

    private sealed class Replay(LogImage image) : IWalReplay
    {
        public WalPosition LastDamage { get; private set; }

        public bool HasDamage { get; private set; }

        public bool HasRecords { get; private set; }

        /// <summary>True when there is damage that no opening before this one has seen.</summary>
        public bool IsNews { get; private set; }

        public void OnRecord(WalPosition position, byte type, int storedBytes, ReadOnlySpan<byte> payload)
        {
            HasRecords = true;
            if (type == ResumeType)
            {
                image.Thaw();
                IsNews = false;
                return;
            }

            if (type != RecordType || !RaftLogWriteCodec.TryRead(payload, out RaftLogWrite write))
                throw new InvalidDataException($"the record at {position} is none of a Raft log, format 1");
            image.Apply(write, position, storedBytes);
            IsNews |= image.IsFrozen;
        }

        public void OnDamage(WalDamage damage)
        {
            (LastDamage, HasDamage, IsNews) = (damage.Start, true, true);
            image.Freeze();
        }
    }
}
