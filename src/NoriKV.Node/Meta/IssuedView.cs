using System.Buffers;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// What the meta leader says of who leads, with an epoch that it alone gives (docs/formats/meta-messages.md). Where replicas
/// are is the map's.
/// <code>
/// format u8 = 1 | epoch | revision of the map | silent nodes: count, numbers | leaders: count, one node's number for each shard, 0 none
/// </code>
/// </summary>
/// <param name="Epoch">Rises with each view, also over changes of the meta leader.</param>
/// <param name="Revision">Of the map it was made with: it is shown with that one or a later one.</param>
/// <param name="Silent">Nodes that the meta leader has not heard from for some time, sorted.</param>
/// <param name="Leaders">By shard; none.</param>
internal sealed record IssuedView(
    ulong Epoch, ulong Revision, IReadOnlyList<NodeNumber> Silent, IReadOnlyList<NodeNumber> Leaders)
{
    private const byte Format = 1;
    private const int NodesMax = 1 << 16;

    /// <summary>No view was issued yet.</summary>
    public static IssuedView None { get; } = new(0, 0, [], []);

    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>(Leaders.Count + 16);
        writer.WriteByte(Format);
        writer.WriteVarint(Epoch);
        writer.WriteVarint(Revision);
        Write(writer, Silent);
        Write(writer, Leaders);
        return writer.WrittenSpan.ToArray();
    }

    public static IssuedView? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadVarint(out ulong epoch)) return null;
        if (!reader.TryReadVarint(out ulong revision)) return null;
        if (!TryRead(ref reader, NodesMax, out NodeNumber[] silent)) return null;
        if (!TryRead(ref reader, Placement.KeyHash.TotalShardsMax, out NodeNumber[] leaders) || !reader.AtEnd) return null;
        return epoch == 0 ? null : new IssuedView(epoch, revision, silent, leaders);
    }

    private static void Write(IBufferWriter<byte> writer, IReadOnlyList<NodeNumber> nodes)
    {
        writer.WriteVarint((ulong)nodes.Count);
        foreach (NodeNumber node in nodes) writer.WriteVarint(node.Value);
    }

    private static bool TryRead(ref SpanReader reader, int most, out NodeNumber[] nodes)
    {
        nodes = [];
        // A number takes a byte at least: a length beyond the bytes is none.
        if (!reader.TryReadVarintInt32(out int count) || count > most || count > reader.Remaining.Length) return false;
        nodes = new NodeNumber[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong node)) return false;
            nodes[i] = new NodeNumber(node);
        }

        return true;
    }
}
