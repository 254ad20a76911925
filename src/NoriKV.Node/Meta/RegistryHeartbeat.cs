using System.Buffers;
using Nori.Core;
using NoriKV.Node.Formation;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// What a node says to the meta leader every second, and at once when a leadership changes (docs/formats/meta-messages.md):
/// <code>
/// format u8 = 1 | flags u8 (1: the reports are all it knows) | boot epoch | store uuid 16 bytes | address | zone
/// | revision of its map | epoch of its view | reports: count, each: shard | term | leader's number
/// </code>
/// </summary>
internal sealed record RegistryHeartbeat
{
    private const byte Format = 1;
    private const byte FullFlag = 1;

    public required ulong BootEpoch { get; init; }

    public required Guid StoreUuid { get; init; }

    public required string Address { get; init; }

    public required string Zone { get; init; }

    /// <summary>Of the map it has.</summary>
    public required ulong Revision { get; init; }

    /// <summary>Of the view it has.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>The reports are all it knows, not what changed since the last ones.</summary>
    public required bool IsFull { get; init; }

    public required IReadOnlyList<LeaderReport> Reports { get; init; }

    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>(128);
        writer.WriteByte(Format);
        writer.WriteByte(IsFull ? FullFlag : (byte)0);
        writer.WriteVarint(BootEpoch);
        writer.WriteGuid(StoreUuid);
        writer.WriteText(Address);
        writer.WriteText(Zone);
        writer.WriteVarint(Revision);
        writer.WriteVarint(Epoch);
        writer.WriteVarint((ulong)Reports.Count);
        foreach (LeaderReport report in Reports)
        {
            writer.WriteVarint(report.Shard.Value);
            writer.WriteVarint(report.Term.Value);
            writer.WriteVarint(report.Leader.Value);
        }

        return writer.WrittenSpan.ToArray();
    }

    public static RegistryHeartbeat? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadByte(out byte flags) || flags > FullFlag || !reader.TryReadVarint(out ulong boot)) return null;
        if (!reader.TryReadGuid(out Guid store) || !reader.TryReadText(out string address)) return null;
        if (!reader.TryReadText(out string zone) || !reader.TryReadVarint(out ulong revision)) return null;
        if (!reader.TryReadVarint(out ulong epoch) || !reader.TryReadVarintInt32(out int count)) return null;
        // A report takes three bytes at least.
        if (count > reader.Remaining.Length / 3) return null;
        var reports = new LeaderReport[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarintInt32(out int shard) || !reader.TryReadVarint(out ulong term)) return null;
            if (!reader.TryReadVarint(out ulong leader)) return null;
            reports[i] = new LeaderReport(new ShardId((uint)shard), new Term(term), new NodeNumber(leader));
        }

        if (!reader.AtEnd) return null;
        return new RegistryHeartbeat
        {
            BootEpoch = boot,
            StoreUuid = store,
            Address = address,
            Zone = zone,
            Revision = revision,
            Epoch = epoch,
            IsFull = flags == FullFlag,
            Reports = reports,
        };
    }
}
