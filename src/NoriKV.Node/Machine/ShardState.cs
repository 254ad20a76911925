using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Machine;

/// <summary>
/// What a replica knows of itself; written as the state record in *every* batch of its shard, so that data and applied
/// index can never disagree after a crash. Format 2 (docs/formats/state-machine.md), little-endian:
/// <code>
///  0  format u8 = 2 | shard u32 | replica id u64
/// 13  applied index u64 | applied term u64
/// 29  snapshot base index u64 | snapshot base term u64
/// 45  configuration index u64 | shard time u64 (unix ms)
/// 61  members (<see cref="ShardConfiguration"/>)
///  +  ledger bucket count varint | buckets: number varint, bytes varint
/// </code>
/// Format 1 had voters only, without roles; it is still read.
/// </summary>
internal sealed class ShardState
{
    private const byte Format = 2;
    private const byte FormatWithoutRoles = 1;
    private const int FixedBytes = 61;

    public ShardState(ShardId shard, ReplicaId replica, uint slot, long retentionMs)
    {
        Shard = shard;
        Replica = replica;
        Slot = slot;
        Ledger = new LedgerBuckets(retentionMs);
        RecordKey = EngineKey.Create(slot, EngineKeyKind.State);
    }

    public ShardId Shard { get; }

    public ReplicaId Replica { get; }

    public uint Slot { get; }

    /// <summary>The engine key of the state record.</summary>
    public byte[] RecordKey { get; }

    public LogIndex Applied { get; set; }

    public Term AppliedTerm { get; set; }

    public LogIndex BaseIndex { get; set; }

    public Term BaseTerm { get; set; }

    public LogIndex ConfigurationIndex { get; set; }

    public IReadOnlyList<ConfigurationMember> Configuration { get; set; } = [];

    /// <summary>The highest stamp applied, in Unix milliseconds.</summary>
    public long ShardTime { get; set; }

    public LedgerBuckets Ledger { get; }

    /// <summary>The latest expiry written since the start, Unix ms; not stored: a start moves shard time on anyway.</summary>
    public long LatestExpiry { get; set; }

    public int EncodedBytesMax =>
        FixedBytes + ShardConfiguration.BytesMax(Configuration.Count) + Ledger.EncodedBytesMax;

    public int Encode(Span<byte> target)
    {
        target[0] = Format;
        BinaryPrimitives.WriteUInt32LittleEndian(target[1..], Shard.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[5..], Replica.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[13..], Applied.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[21..], AppliedTerm.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[29..], BaseIndex.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[37..], BaseTerm.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[45..], ConfigurationIndex.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[53..], (ulong)ShardTime);
        int length = FixedBytes;
        length += ShardConfiguration.Encode(Configuration, target[length..]);
        return length + Ledger.Encode(target[length..]);
    }

    /// <summary>
    /// The state record of another replica, as a snapshot brought it, becomes that of this one: same state, based on that
    /// snapshot. Null for bytes that are none.
    /// </summary>
    public static ShardState? TryAdopt(ReadOnlySpan<byte> record, ReplicaId replica, uint slot, long retentionMs)
    {
        if (record.Length < FixedBytes) return null;
        byte[] own = record.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(own.AsSpan(5), replica.Value);
        record.Slice(13, 16).CopyTo(own.AsSpan(29));
        return TryDecode(own, slot, retentionMs);
    }

    /// <summary>Reads a state record found under a slot; null for bytes that are none.</summary>
    public static ShardState? TryDecode(ReadOnlySpan<byte> record, uint slot, long retentionMs)
    {
        var reader = new SpanReader(record);
        if (!reader.TryReadByte(out byte format) || format is not (Format or FormatWithoutRoles)) return null;
        if (!reader.TryReadUInt32(out uint shard) || !reader.TryReadUInt64(out ulong replica)) return null;
        var state = new ShardState(new ShardId(shard), new ReplicaId(replica), slot, retentionMs);
        Span<ulong> fields = stackalloc ulong[6];
        for (int i = 0; i < fields.Length; i++)
        {
            if (!reader.TryReadUInt64(out fields[i])) return null;
        }

        state.Applied = new LogIndex(fields[0]);
        state.AppliedTerm = new Term(fields[1]);
        state.BaseIndex = new LogIndex(fields[2]);
        state.BaseTerm = new Term(fields[3]);
        state.ConfigurationIndex = new LogIndex(fields[4]);
        state.ShardTime = (long)fields[5];
        bool isWhole = format == Format
            ? ShardConfiguration.TryDecode(ref reader, out ConfigurationMember[] members)
            : TryReadVoters(ref reader, out members);
        if (!isWhole) return null;
        state.Configuration = members;
        return state.ShardTime >= 0 && state.Ledger.TryDecode(ref reader) && reader.AtEnd ? state : null;
    }

    private static bool TryReadVoters(ref SpanReader reader, out ConfigurationMember[] members)
    {
        members = [];
        if (!reader.TryReadVarintInt32(out int voters) || voters > ShardConfiguration.MembersMax) return false;
        members = new ConfigurationMember[voters];
        for (int i = 0; i < voters; i++)
        {
            if (!reader.TryReadUInt64(out ulong id) || !reader.TryReadUInt64(out ulong node)) return false;
            members[i] = new ConfigurationMember(new ReplicaId(id), new NodeNumber(node));
        }

        return true;
    }
}
