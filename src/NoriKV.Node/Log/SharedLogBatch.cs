using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>
/// Records of any number of groups that are written together: after a crash all are there or none. Built, written,
/// cleared, built again.
/// </summary>
/// <remarks>Not thread-safe. Envelopes are copied when added.</remarks>
public sealed class SharedLogBatch : IDisposable
{
    private readonly List<LogOperation> _operations = [];

    /// <summary>Records added.</summary>
    public int Count => _operations.Count;

    /// <summary>Bytes it takes in the log.</summary>
    public int Bytes => Records.Bytes;

    /// <summary>True when it holds what is synced under every policy: hard states, truncations, removals.</summary>
    public bool MustSync { get; private set; }

    internal WalBatch Records { get; } = new();

    internal List<LogOperation> OperationList => _operations;

    /// <summary>
    /// An entry. Its index is at most one behind the group's last; an earlier one replaces that entry and cuts all
    /// behind.
    /// </summary>
    public void Append(ShardId shard, ReplicaId replica, LogIndex index, Term term, ReadOnlySpan<byte> envelope) =>
        AddEntry(LogRecordKind.Append, 0, shard, replica, index, term, envelope);

    /// <summary>Entries behind one another, the first at <paramref name="first"/>.</summary>
    public void Append(
        ShardId shard, ReplicaId replica, LogIndex first, ReadOnlySpan<(Term Term, ReadOnlyMemory<byte> Envelope)> entries)
    {
        foreach ((Term term, ReadOnlyMemory<byte> envelope) in entries)
        {
            Append(shard, replica, first, term, envelope.Span);
            first = first.Next;
        }
    }

    /// <summary>The replica's hard state; replaces the one before.</summary>
    public void HardState(ShardId shard, ReplicaId replica, Term term, ReplicaId vote, LogIndex commit) =>
        AddHardState(0, shard, replica, new HardState(term, vote, commit));

    /// <summary>
    /// Forgets the entries up to the index, which the log holds with that term; those behind it stay.
    /// </summary>
    public void TruncatePrefix(ShardId shard, ReplicaId replica, LogIndex index, Term term) =>
        AddTruncatePrefix(0, shard, replica, index, term);

    /// <summary>
    /// A snapshot takes the place of the whole log: forgets all entries and goes on behind the index.
    /// </summary>
    public void InstallSnapshot(ShardId shard, ReplicaId replica, LogIndex index, Term term) =>
        AddTruncatePrefix(LogRecord.ReplacesFlag, shard, replica, index, term);

    /// <summary>Forgets everything of the replica; its id never comes back.</summary>
    public void Clean(ShardId shard, ReplicaId replica) => AddClean(0, shard, replica);

    /// <summary>Empties it; the memory stays.</summary>
    public void Clear()
    {
        _operations.Clear();
        Records.Clear();
        MustSync = false;
    }

    /// <inheritdoc/>
    public void Dispose() => Records.Dispose();

    internal void AddEntry(
        LogRecordKind kind,
        byte flags,
        ShardId shard,
        ReplicaId replica,
        LogIndex index,
        Term term,
        ReadOnlySpan<byte> envelope)
    {
        ArgumentOutOfRangeException.ThrowIfZero(index.Value);
        Span<byte> head = stackalloc byte[LogRecord.EntryHeaderBytes];
        LogRecord.EncodeEntry(head, flags, shard, replica, index, term);
        Records.Add((byte)kind, head, envelope);
        _operations.Add(new LogOperation(kind, false, shard, replica, index, term, default));
    }

    internal void AddHardState(byte flags, ShardId shard, ReplicaId replica, HardState state)
    {
        Span<byte> payload = stackalloc byte[LogRecord.BytesMax];
        payload = payload[..LogRecord.EncodeHardState(payload, flags, shard, replica, state)];
        Add(LogRecordKind.HardState, payload);
        _operations.Add(new LogOperation(
            LogRecordKind.HardState, false, shard, replica, state.Commit, state.Term, state.Vote));
    }

    internal void AddMark(byte flags, ShardId shard, ReplicaId replica, HardState state, LogMark mark)
    {
        Span<byte> payload = stackalloc byte[LogRecord.BytesMax];
        payload = payload[..LogRecord.EncodeMark(payload, flags, shard, replica, state, mark)];
        Add(LogRecordKind.HardState, payload);
        _operations.Add(new LogOperation(
            LogRecordKind.HardState, false, shard, replica, state.Commit, state.Term, state.Vote)
        {
            Mark = mark,
            IsCopy = (flags & LogRecord.CopyFlag) != 0,
        });
    }

    internal void AddTruncatePrefix(byte flags, ShardId shard, ReplicaId replica, LogIndex index, Term term)
    {
        Span<byte> payload = stackalloc byte[LogRecord.BytesMax];
        payload = payload[..LogRecord.EncodeEntry(payload, flags, shard, replica, index, term)];
        Add(LogRecordKind.TruncatePrefix, payload);
        _operations.Add(new LogOperation(
            LogRecordKind.TruncatePrefix, flags == LogRecord.ReplacesFlag, shard, replica, index, term, default));
    }

    internal void AddClean(byte flags, ShardId shard, ReplicaId replica)
    {
        Span<byte> payload = stackalloc byte[LogRecord.BytesMax];
        payload = payload[..LogRecord.EncodeClean(payload, flags, shard, replica)];
        Add(LogRecordKind.Clean, payload);
        _operations.Add(new LogOperation(LogRecordKind.Clean, false, shard, replica, default, default, default));
    }

    private void Add(LogRecordKind kind, ReadOnlySpan<byte> payload)
    {
        Records.Add((byte)kind, payload);
        MustSync = true;
    }
}
