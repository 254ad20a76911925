using System.Buffers;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// The byte form of a configuration: the data of an <see cref="EntryType.Configuration"/> entry, and a part of
/// what describes a snapshot. Bytewise in docs/formats/raft-message.md.
/// </summary>
public static class ConfigurationCodec
{
    // format u8 = 1 | 4 × set: voters, learners, outgoing, next learners
    // set: count varint | count × replica varint, strictly ascending
    private const byte Format = 1;

    /// <summary>The bytes of a configuration.</summary>
    public static byte[] Encode(Configuration configuration)
    {
        ArrayBufferWriter<byte> writer = new(64);
        Write(configuration, writer);
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Writes a configuration.</summary>
    public static void Write(Configuration configuration, IBufferWriter<byte> writer)
    {
        writer.WriteByte(Format);
        WriteSet(configuration.Voters, writer);
        WriteSet(configuration.Learners, writer);
        WriteSet(configuration.Outgoing, writer);
        WriteSet(configuration.LearnersNext, writer);
    }

    /// <summary>
    /// Reads bytes that hold a configuration and nothing else; false when they do not, or its sets contradict
    /// each other.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> source, out Configuration configuration)
    {
        configuration = Configuration.Empty;
        SpanReader reader = new(source);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!TryReadSet(ref reader, out ReplicaId[] voters) || !TryReadSet(ref reader, out ReplicaId[] learners)
            || !TryReadSet(ref reader, out ReplicaId[] outgoing) || !TryReadSet(ref reader, out ReplicaId[] next))
            return false;
        if (!reader.AtEnd) return false;
        try
        {
            configuration = new Configuration(voters, learners, outgoing, next);
            return true;
        }
        catch (ArgumentException)
        {
            // The rules of how the sets may overlap are the core's, and stand in one place there.
            return false;
        }
    }

    private static void WriteSet(IReadOnlyList<ReplicaId> set, IBufferWriter<byte> writer)
    {
        writer.WriteVarint((ulong)set.Count);
        foreach (ReplicaId id in set) writer.WriteVarint(id.Value);
    }

    private static bool TryReadSet(ref SpanReader reader, out ReplicaId[] set)
    {
        set = [];
        // Each takes a byte at least, so the count cannot ask for more memory than the input justifies.
        if (!reader.TryReadVarintInt32(out int count) || count > reader.Remaining.Length) return false;
        set = new ReplicaId[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong id) || id == 0) return false;
            if (i > 0 && id <= set[i - 1].Value) return false;
            set[i] = new ReplicaId(id);
        }

        return true;
    }
}
