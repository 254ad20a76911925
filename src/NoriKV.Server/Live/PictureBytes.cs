using System.Buffers;
using System.Text;
using Nori.Core;

namespace NoriKV.Server.Live;

/// <summary>
/// A <see cref="NodePicture"/> in bytes (docs/formats/picture.md); every number a varint, signed ones zigzag:
/// <code>
/// format u8 = 1 | boot epoch | unix ms | figures: count, each: name (length, UTF-8) | value, signed
/// | facts (length, JSON) | leads: count, each: shard | term | commit | kilobytes
/// | standings: count, each: shard | replica | role u8 | leader | term | commit | last | applied
/// | events through | elided | events: count, each (length, JSON)
/// </code>
/// </summary>
internal static class PictureBytes
{
    private const byte Format = 1;
    private const int FiguresMax = 4096;
    private const int LeadsMax = 1 << 16;
    private const int StandingsMax = PictureQuestion.ShardsMax;
    private const int EventsMax = 4096;

    public static byte[] Encode(NodePicture picture)
    {
        var writer = new ArrayBufferWriter<byte>(8 << 10);
        writer.WriteByte(Format);
        writer.WriteVarint(picture.BootEpoch);
        writer.WriteVarint((ulong)picture.UnixMs);
        WriteFigures(writer, picture.Figures);
        writer.WriteLengthPrefixed(picture.Facts.Span);
        writer.WriteVarint((ulong)picture.Leads.Count);
        foreach (LedShard led in picture.Leads) WriteAll(writer, led.Shard, led.Term, led.Commit, led.Kilobytes);
        writer.WriteVarint((ulong)picture.Standings.Count);
        foreach (Standing s in picture.Standings)
        {
            WriteAll(writer, s.Shard, s.Replica);
            writer.WriteByte(s.Role);
            WriteAll(writer, s.Leader, s.Term, s.Commit, s.Last, s.Applied);
        }

        WriteAll(writer, picture.EventsThrough, picture.EventsElided, (ulong)picture.Events.Count);
        foreach (ReadOnlyMemory<byte> e in picture.Events) writer.WriteLengthPrefixed(e.Span);
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a picture; null where the bytes are none. What it returns owns its memory.</summary>
    public static NodePicture? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadVarint(out ulong epoch) || !reader.TryReadVarint(out ulong at)) return null;
        if (at > long.MaxValue || TryReadFigures(ref reader) is not { } figures) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> facts)) return null;
        if (TryReadLeads(ref reader) is not { } leads || TryReadStandings(ref reader) is not { } standings) return null;
        if (!reader.TryReadVarint(out ulong through) || !reader.TryReadVarint(out ulong elided)) return null;
        if (elided > uint.MaxValue) return null;
        byte[] owned = facts.ToArray();
        if (TryReadEvents(ref reader) is not { } events || !reader.AtEnd) return null;
        return new NodePicture
        {
            BootEpoch = epoch,
            UnixMs = (long)at,
            Figures = figures,
            Facts = owned,
            Leads = leads,
            Standings = standings,
            EventsThrough = through,
            EventsElided = (uint)elided,
            Events = events,
        };
    }

    public static void WriteFigures(IBufferWriter<byte> writer, IReadOnlyList<KeyValuePair<string, long>> figures)
    {
        writer.WriteVarint((ulong)figures.Count);
        foreach ((string name, long value) in figures)
        {
            writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(name));
            writer.WriteVarint((ulong)((value << 1) ^ (value >> 63)));
        }
    }

    public static KeyValuePair<string, long>[]? TryReadFigures(ref SpanReader reader)
    {
        if (!TryReadCount(ref reader, FiguresMax, out int count)) return null;
        var figures = new KeyValuePair<string, long>[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> name) || name.Length > 64) return null;
            if (!reader.TryReadVarint(out ulong value)) return null;
            figures[i] = new(Encoding.UTF8.GetString(name), (long)(value >> 1) ^ -(long)(value & 1));
        }

        return figures;
    }

    private static LedShard[]? TryReadLeads(ref SpanReader reader)
    {
        if (!TryReadCount(ref reader, LeadsMax, out int count)) return null;
        var leads = new LedShard[count];
        for (int i = 0; i < count; i++)
        {
            if (!TryReadShard(ref reader, out uint shard) || !reader.TryReadVarint(out ulong term)) return null;
            if (!reader.TryReadVarint(out ulong commit) || !reader.TryReadVarint(out ulong kilobytes)) return null;
            leads[i] = new LedShard(shard, term, commit, kilobytes);
        }

        return leads;
    }

    private static Standing[]? TryReadStandings(ref SpanReader reader)
    {
        if (!TryReadCount(ref reader, StandingsMax, out int count)) return null;
        var standings = new Standing[count];
        for (int i = 0; i < count; i++)
        {
            if (!TryReadShard(ref reader, out uint shard) || !reader.TryReadVarint(out ulong replica)) return null;
            if (!reader.TryReadByte(out byte role) || !reader.TryReadVarint(out ulong leader)) return null;
            if (!reader.TryReadVarint(out ulong term) || !reader.TryReadVarint(out ulong commit)) return null;
            if (!reader.TryReadVarint(out ulong last) || !reader.TryReadVarint(out ulong applied)) return null;
            standings[i] = new Standing(shard, replica, role, leader, term, commit, last, applied);
        }

        return standings;
    }

    private static ReadOnlyMemory<byte>[]? TryReadEvents(ref SpanReader reader)
    {
        if (!TryReadCount(ref reader, EventsMax, out int count)) return null;
        var events = new ReadOnlyMemory<byte>[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> json)) return null;
            events[i] = json.ToArray();
        }

        return events;
    }

    // Each thing takes a byte at least: a count beyond what is left is a lie, and nothing is allocated for it.
    private static bool TryReadCount(ref SpanReader reader, int max, out int count) =>
        reader.TryReadVarintInt32(out count) && count <= max && count <= reader.Remaining.Length;

    private static bool TryReadShard(ref SpanReader reader, out uint shard)
    {
        bool ok = reader.TryReadVarint(out ulong value) && value <= uint.MaxValue;
        shard = ok ? (uint)value : 0;
        return ok;
    }

    private static void WriteAll(IBufferWriter<byte> writer, params ReadOnlySpan<ulong> values)
    {
        foreach (ulong value in values) writer.WriteVarint(value);
    }
}
