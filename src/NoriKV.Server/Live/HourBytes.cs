using System.Buffers;
using System.IO.Compression;
using System.Text;
using Nori.Core;
using NoriKV.Node.Live;

namespace NoriKV.Server.Live;

/// <summary>
/// A node's last hour in bytes (docs/formats/picture.md), every number a varint, signed ones zigzag:
/// <code>
/// format u8 = 2 | the rest deflated:
/// names: count, each (length, UTF-8)
/// | samples: count, each: unix ms | changes: count, each: number of the name | change, signed
///                         | leaders: count, each: shard | node | term | facts: length, JSON
/// | events dropped | events: count, each (length, JSON)
/// </code>
/// The first sample's changes begin at nothing; facts of length 0: as before.
/// </summary>
internal static class HourBytes
{
    /// <summary>Bytes of an hour before they are deflated; of more the oldest are left out.</summary>
    public const int PlainBytesMax = 4 << 20;

    private const byte Format = 2;
    private const int SamplesMax = 4096;
    private const int EventsMax = 1 << 16;
    private const int LeadersMax = 1 << 16;

    /// <summary>
    /// As much of it as fits an answer: of more the oldest half is left out, again and again; what went of the events is told.
    /// </summary>
    public static byte[] Encode(HourLog log, IReadOnlyList<ReadOnlyMemory<byte>> events, ulong eventsDropped)
    {
        for (int skippedSamples = 0, skippedEvents = 0; ;)
        {
            (IReadOnlyList<string> names, IReadOnlyList<HourSample> samples) = log.Take(skippedSamples);
            byte[] bytes = Deflate(Plain(names, samples, events, skippedEvents, eventsDropped), out bool isSmall);
            int eventsLeft = events.Count - skippedEvents;
            if ((isSmall && bytes.Length <= LiveBounds.AnswerBytesMax) || (eventsLeft == 0 && samples.Count <= 1)) return bytes;
            skippedEvents += (eventsLeft + 1) / 2;
            skippedSamples += samples.Count / 2;
        }
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; null where the bytes are none of it.</summary>
    public static HourPicture? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 1 || bytes[0] != Format || Inflate(bytes[1..]) is not { } plain) return null;
        var reader = new SpanReader(plain);
        if (!TryReadCount(ref reader, HourLog.NamesMax, out int nameCount)) return null;
        string[] names = new string[nameCount];
        for (int i = 0; i < nameCount; i++)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> name) || name.Length > 64) return null;
            names[i] = Encoding.UTF8.GetString(name);
        }

        if (!TryReadCount(ref reader, SamplesMax, out int sampleCount)) return null;
        var samples = new HourSample[sampleCount];
        for (int i = 0; i < sampleCount; i++)
        {
            if (TryRead(ref reader, nameCount) is not { } sample) return null;
            samples[i] = sample;
        }

        if (!reader.TryReadVarint(out ulong dropped) || !TryReadCount(ref reader, EventsMax, out int eventCount)) return null;
        var events = new ReadOnlyMemory<byte>[eventCount];
        for (int i = 0; i < eventCount; i++)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> json)) return null;
            events[i] = json.ToArray();
        }

        return reader.AtEnd ? new HourPicture(names, samples, events, dropped) : null;
    }

    private static ArrayBufferWriter<byte> Plain(
        IReadOnlyList<string> names, IReadOnlyList<HourSample> samples, IReadOnlyList<ReadOnlyMemory<byte>> events,
        int skippedEvents, ulong eventsDropped)
    {
        var writer = new ArrayBufferWriter<byte>(64 << 10);
        writer.WriteVarint((ulong)names.Count);
        foreach (string name in names) writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(name));
        writer.WriteVarint((ulong)samples.Count);
        foreach (HourSample sample in samples) Write(writer, sample);
        writer.WriteVarint(eventsDropped + (ulong)skippedEvents);
        writer.WriteVarint((ulong)(events.Count - skippedEvents));
        for (int i = skippedEvents; i < events.Count; i++) writer.WriteLengthPrefixed(events[i].Span);
        return writer;
    }

    private static void Write(ArrayBufferWriter<byte> writer, in HourSample sample)
    {
        writer.WriteVarint((ulong)sample.UnixMs);
        writer.WriteVarint((ulong)sample.Changes.Count);
        foreach ((int number, long change) in sample.Changes)
        {
            writer.WriteVarint((ulong)number);
            writer.WriteVarint((ulong)((change << 1) ^ (change >> 63)));
        }

        writer.WriteVarint((ulong)sample.Leaders.Count);
        foreach (HourLeader leader in sample.Leaders)
        {
            writer.WriteVarint(leader.Shard);
            writer.WriteVarint(leader.Node);
            writer.WriteVarint(leader.Term);
        }

        writer.WriteLengthPrefixed(sample.Facts.Span);
    }

    private static HourSample? TryRead(ref SpanReader reader, int names)
    {
        if (!reader.TryReadVarint(out ulong at) || at > long.MaxValue) return null;
        if (!TryReadCount(ref reader, HourLog.NamesMax, out int count)) return null;
        var changes = new (int, long)[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarintInt32(out int number) || number >= names || !reader.TryReadVarint(out ulong change)) return null;
            changes[i] = (number, (long)(change >> 1) ^ -(long)(change & 1));
        }

        if (!TryReadCount(ref reader, LeadersMax, out count)) return null;
        var leaders = new HourLeader[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong shard) || shard > uint.MaxValue) return null;
            if (!reader.TryReadVarint(out ulong node) || !reader.TryReadVarint(out ulong term)) return null;
            leaders[i] = new HourLeader((uint)shard, node, term);
        }

        return reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> facts)
            ? new HourSample((long)at, changes, leaders, facts.ToArray())
            : null;
    }

    private static byte[] Deflate(ArrayBufferWriter<byte> plain, out bool isSmall)
    {
        isSmall = plain.WrittenCount <= PlainBytesMax;
        if (!isSmall) return [];
        using var target = new MemoryStream();
        target.WriteByte(Format);
        using (var deflate = new DeflateStream(target, CompressionLevel.Fastest, leaveOpen: true)) deflate.Write(plain.WrittenSpan);
        return target.ToArray();
    }

    // Never more than the bound, whatever the bytes would come to.
    private static byte[]? Inflate(ReadOnlySpan<byte> bytes)
    {
        try
        {
            using var source = new DeflateStream(new MemoryStream(bytes.ToArray()), CompressionMode.Decompress);
            using var target = new MemoryStream();
            byte[] part = new byte[16 << 10];
            for (int read = source.Read(part); read > 0; read = source.Read(part))
            {
                if (target.Length + read > PlainBytesMax) return null;
                target.Write(part, 0, read);
            }

            return target.ToArray();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static bool TryReadCount(ref SpanReader reader, int max, out int count) =>
        reader.TryReadVarintInt32(out count) && count <= max && count <= reader.Remaining.Length;
}
