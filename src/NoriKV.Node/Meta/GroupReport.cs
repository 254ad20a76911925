using System.Buffers;
using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>How a shard's membership stands, as its replica on a node has it (docs/formats/meta-messages.md).</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Term">Its term.</param>
/// <param name="IsLeader">This replica leads.</param>
/// <param name="Leader">The node that leads, as far as it knows; none.</param>
/// <param name="ConfigurationIndex">Of the configuration in effect: what a change must name.</param>
/// <param name="IsSettled">That configuration is committed and not joint, and the leader's term has begun.</param>
/// <param name="Members">That configuration.</param>
internal sealed record GroupReport(
    ShardId Shard, Term Term, bool IsLeader, NodeNumber Leader, LogIndex ConfigurationIndex, bool IsSettled,
    IReadOnlyList<ConfigurationMember> Members)
{
    private const byte Format = 1;
    private const int ReportsMax = 4096;

    public static byte[] EncodeQuestion(IReadOnlyList<ShardId> shards)
    {
        var writer = new ArrayBufferWriter<byte>(64);
        writer.WriteByte(Format);
        writer.WriteVarint((ulong)shards.Count);
        foreach (ShardId shard in shards) writer.WriteVarint(shard.Value);
        return writer.WrittenSpan.ToArray();
    }

    public static ShardId[]? TryDecodeQuestion(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadVarintInt32(out int count) || count > ReportsMax || count > reader.Remaining.Length) return null;
        var shards = new ShardId[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarintInt32(out int shard)) return null;
            shards[i] = new ShardId((uint)shard);
        }

        return reader.AtEnd ? shards : null;
    }

    public static byte[] Encode(IReadOnlyList<GroupReport> reports)
    {
        var writer = new ArrayBufferWriter<byte>(256);
        writer.WriteByte(Format);
        writer.WriteVarint((ulong)reports.Count);
        foreach (GroupReport report in reports)
        {
            writer.WriteVarint(report.Shard.Value);
            writer.WriteVarint(report.Term.Value);
            writer.WriteByte((byte)((report.IsLeader ? 1 : 0) | (report.IsSettled ? 2 : 0)));
            writer.WriteVarint(report.Leader.Value);
            writer.WriteVarint(report.ConfigurationIndex.Value);
            WriteMembers(writer, report.Members);
        }

        return writer.WrittenSpan.ToArray();
    }

    public static List<GroupReport>? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadVarintInt32(out int count) || count > ReportsMax) return null;
        var reports = new List<GroupReport>();
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarintInt32(out int shard) || !reader.TryReadVarint(out ulong term)) return null;
            if (!reader.TryReadByte(out byte flags) || flags > 3 || !reader.TryReadVarint(out ulong leader)) return null;
            if (!reader.TryReadVarint(out ulong index)) return null;
            if (!ShardConfiguration.TryDecode(ref reader, out ConfigurationMember[] members)) return null;
            reports.Add(new GroupReport(
                new ShardId((uint)shard), new Term(term), (flags & 1) != 0, new NodeNumber(leader), new LogIndex(index),
                (flags & 2) != 0, members));
        }

        return reader.AtEnd ? reports : null;
    }

    internal static void WriteMembers(IBufferWriter<byte> writer, IReadOnlyList<ConfigurationMember> members)
    {
        Span<byte> span = writer.GetSpan(ShardConfiguration.BytesMax(members.Count));
        writer.Advance(ShardConfiguration.Encode(members, span));
    }
}
