using System.Buffers;
using System.Text;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft.Adapters;

/// <summary>What opens a stream between replicas; bytewise in docs/formats/raft-stream.md.</summary>
internal readonly record struct RaftHello(RaftChannel Channel, GroupId Group, ReplicaId From, ReplicaId To, string Cluster)
{
    // format u8 = 1 | channel u8 | group varint | from varint | to varint | cluster length-prefixed UTF-8
    private const byte Format = 1;
    private const int ClusterBytesMax = 256;

    public byte[] Encode()
    {
        ArrayBufferWriter<byte> writer = new(64);
        writer.WriteByte(Format);
        writer.WriteByte((byte)Channel);
        writer.WriteVarint(Group.Value);
        writer.WriteVarint(From.Value);
        writer.WriteVarint(To.Value);
        writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(Cluster));
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecode(ReadOnlySpan<byte> bytes, out RaftHello hello)
    {
        hello = default;
        SpanReader reader = new(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadByte(out byte channel) || channel is not (1 or 2)) return false;
        if (!reader.TryReadVarint(out ulong group) || !reader.TryReadVarint(out ulong from)
            || !reader.TryReadVarint(out ulong to) || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> cluster)
            || cluster.Length > ClusterBytesMax || !reader.AtEnd)
            return false;
        hello = new RaftHello(
            (RaftChannel)channel, new GroupId(group), new ReplicaId(from), new ReplicaId(to), Encoding.UTF8.GetString(cluster));
        return true;
    }
}
