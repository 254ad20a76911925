using System.Buffers;
using System.Text;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Formation;

/// <summary>The fields that formation's files and messages share: docs/formats/formation.md.</summary>
internal static class FormationBytes
{
    // Longer ones are no addresses; bounds what a decoder believes.
    private const int TextBytesMax = 512;

    public static void WriteText(this IBufferWriter<byte> writer, string text) =>
        writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(text));

    public static void WriteGuid(this IBufferWriter<byte> writer, Guid guid)
    {
        guid.TryWriteBytes(writer.GetSpan(16), bigEndian: true, out _);
        writer.Advance(16);
    }

    public static void WriteMember(this IBufferWriter<byte> writer, FormationMember member)
    {
        writer.WriteText(member.Name);
        writer.WriteGuid(member.StoreUuid);
        writer.WriteText(member.Address);
        writer.WriteText(member.Zone);
    }

    public static void WriteSettings(this IBufferWriter<byte> writer, FormationSettings settings)
    {
        writer.WriteUInt32((uint)settings.TotalShards);
        writer.WriteByte(settings.HashTags ? (byte)1 : (byte)0);
        writer.WriteByte((byte)settings.ReplicationFactor);
    }

    public static bool TryReadText(this ref SpanReader reader, out string text)
    {
        text = "";
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes) || bytes.Length > TextBytesMax) return false;
        text = Encoding.UTF8.GetString(bytes);
        return true;
    }

    public static bool TryReadGuid(this ref SpanReader reader, out Guid guid)
    {
        bool ok = reader.TryReadBytes(16, out ReadOnlySpan<byte> bytes);
        guid = ok ? new Guid(bytes, bigEndian: true) : default;
        return ok;
    }

    public static bool TryReadMember(this ref SpanReader reader, out FormationMember member)
    {
        member = new FormationMember("", default, "", "");
        if (!reader.TryReadText(out string name) || !NodeName.IsValid(name)) return false;
        if (!reader.TryReadGuid(out Guid store) || store == Guid.Empty) return false;
        if (!reader.TryReadText(out string address) || !reader.TryReadText(out string zone)) return false;
        member = new FormationMember(name, store, address, zone);
        return true;
    }

    public static bool TryReadSettings(this ref SpanReader reader, out FormationSettings settings)
    {
        settings = new FormationSettings(1, false, 1);
        if (!reader.TryReadUInt32(out uint shards) || shards is 0 or > Placement.KeyHash.TotalShardsMax) return false;
        if (!reader.TryReadByte(out byte tags) || tags > 1) return false;
        if (!reader.TryReadByte(out byte factor) || factor is 0 or > FormationProposal.ReplicasMax) return false;
        settings = new FormationSettings((int)shards, tags == 1, factor);
        return true;
    }
}
