using System.Buffers;
using Nori.Core;

namespace NoriKV.Server.Live;

/// <summary>
/// What a node asks another one for (docs/formats/picture.md):
/// <code>
/// format u8 = 1 | kind u8 | events after: varint | shards: count varint, each a varint
/// </code>
/// </summary>
/// <param name="Kind">What for.</param>
/// <param name="EventsAfter">The last event seen; <see cref="ulong.MaxValue"/>: none yet, send the newest.</param>
/// <param name="Shards">Whose replicas it wants to see.</param>
internal readonly record struct PictureQuestion(PictureKind Kind, ulong EventsAfter, IReadOnlyList<uint> Shards)
{
    public const byte Format = 1;

    /// <summary>Shards looked at closely at once.</summary>
    public const int ShardsMax = 16;

    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>(64);
        writer.WriteByte(Format);
        writer.WriteByte((byte)Kind);
        writer.WriteVarint(EventsAfter);
        writer.WriteVarint((ulong)Shards.Count);
        foreach (uint shard in Shards) writer.WriteVarint(shard);
        return writer.WrittenSpan.ToArray();
    }

    public static bool TryDecode(ReadOnlySpan<byte> bytes, out PictureQuestion question)
    {
        question = default;
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte kind)) return false;
        if (!Enum.IsDefined((PictureKind)kind) || !reader.TryReadVarint(out ulong after)) return false;
        if (!reader.TryReadVarintInt32(out int count) || count > ShardsMax) return false;
        uint[] shards = new uint[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong shard) || shard > uint.MaxValue) return false;
            shards[i] = (uint)shard;
        }

        question = new PictureQuestion((PictureKind)kind, after, shards);
        return reader.AtEnd;
    }
}
