using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Snapshots;

/// <summary>One stream being received: checks each chunk, writes what it says as tables, and verifies the whole.</summary>
/// <remarks>Memory: one record in pieces, one chunk, and the builder of one table.</remarks>
internal sealed class IncomingSnapshot
{
    private readonly SnapshotTables _tables;
    private readonly uint _slot;
    private readonly long _retentionMs;
    private byte[] _carry = new byte[4096];
    private int _carried;
    private byte[] _lastKey = [];
    private EngineKeyKind _lastKind;
    private ShardState? _state;
    private SnapshotTotals _totals;

    public IncomingSnapshot(
        SnapshotStreamId stream, NodeNumber node, Term leaderTerm, Raft.SnapshotMeta meta, SnapshotTables tables, uint slot,
        long retentionMs)
    {
        Stream = stream;
        Node = node;
        LeaderTerm = leaderTerm;
        Meta = meta;
        _tables = tables;
        _slot = slot;
        _retentionMs = retentionMs;
    }

    public SnapshotStreamId Stream { get; }

    public NodeNumber Node { get; }

    public Term LeaderTerm { get; }

    public Raft.SnapshotMeta Meta { get; }

    /// <summary>The number of the chunk it waits for.</summary>
    public uint Next => _totals.Chunks;

    /// <summary>When it began.</summary>
    public long BeganAt { get; init; }

    /// <summary>When it last got somewhere.</summary>
    public long ProgressAt { get; set; }

    /// <summary>The sender is to be told where it stands.</summary>
    public bool OwesProgress { get; set; }

    /// <summary>A chunk was ahead of its turn, or the end came too early.</summary>
    public bool IsMissing { get; set; }

    /// <summary>Takes the next chunk; false when its records are not what a snapshot holds.</summary>
    /// <exception cref="Nori.IO.StorageException">The tables cannot be written.</exception>
    public bool TryTake(ReadOnlySpan<byte> payload)
    {
        _totals = _totals.Add(payload);
        Carry(payload);
        int at = 0;
        while (true)
        {
            int length = SnapshotRecord.Read(_carry.AsSpan(at, _carried - at), out SnapshotRecord record);
            if (length == 0) break;
            if (length < 0 || !TryTakeRecord(record)) return false;
            at += length;
        }

        _carry.AsSpan(at, _carried - at).CopyTo(_carry);
        _carried -= at;
        return true;
    }

    /// <summary>The stream is over: null unless it is exactly what was sent.</summary>
    /// <exception cref="Nori.IO.StorageException">The tables cannot be finished.</exception>
    public StagedTables? Finish(in SnapshotTotals totals, IStorage storage, SnapshotStaging staging)
    {
        if (_carried != 0 || _state is null || _totals != totals) return null;
        _tables.Finish();
        return new StagedTables(storage, staging, _tables.Directory, _tables.Tables, _state, Meta);
    }

    public void Abandon() => _tables.Abandon();

    private void Carry(ReadOnlySpan<byte> payload)
    {
        // A record's length is checked as soon as it can be read, so what is carried never exceeds record and chunk.
        int needed = _carried + payload.Length;
        if (_carry.Length < needed) Array.Resize(ref _carry, Math.Max(needed, 2 * _carry.Length));
        payload.CopyTo(_carry.AsSpan(_carried));
        _carried = needed;
    }

    private bool TryTakeRecord(in SnapshotRecord record)
    {
        _totals = _totals with { Records = _totals.Records + 1 };
        if (record.Type == SnapshotRecord.StateType) return TryTakeState(record.Value);
        if (_state is null || !IsBehindLast(record)) return false;
        _lastKind = record.Kind;
        _lastKey = record.Key.ToArray();
        _state.LatestExpiry = Math.Max(_state.LatestExpiry, record.ExpiryUnixMs);
        _tables.Add(record.Kind, record.Key, record.Value, record.ExpiryUnixMs);
        return true;
    }

    private bool IsBehindLast(in SnapshotRecord record)
    {
        int order = record.Kind.CompareTo(_lastKind);
        return order != 0 ? order > 0 : record.Key.SequenceCompareTo(_lastKey) > 0;
    }

    /// <summary>The state of the giving replica becomes that of this one, under a slot of its own.</summary>
    private bool TryTakeState(ReadOnlySpan<byte> record)
    {
        if (_state is not null || ShardState.TryDecode(record, _slot, _retentionMs) is not { } sent) return false;
        if (sent.Shard != Stream.Shard || sent.Replica != Stream.From) return false;
        if (sent.Applied.Value != Meta.Index.Value || sent.AppliedTerm.Value != Meta.Term.Value) return false;
        _state = ShardState.TryAdopt(record, Stream.To, _slot, _retentionMs);
        if (_state is null) return false;
        byte[] own = new byte[_state.EncodedBytesMax];
        _tables.Add(EngineKeyKind.State, default, own.AsSpan(0, _state.Encode(own)), 0);
        _lastKind = EngineKeyKind.State;
        return true;
    }
}
