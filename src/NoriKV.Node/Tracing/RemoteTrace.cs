using System.Text;
using Nori.Core;

namespace NoriKV.Node.Tracing;

// The stages that a node tells the one that forwarded a request to it; part of docs/formats/forward.md:
//   stages = total ns varint | count varint | stage*
//   stage  = flags u8 (1 beside the critical path, 2 not over) | name bytes | node bytes | detail bytes
//            | start ns varint, from the receipt there | length ns varint

/// <summary>What another node told of its part of a request.</summary>
internal sealed record RemoteTrace(TimeSpan Total, IReadOnlyList<TraceStage> Stages, IReadOnlyList<TraceStage> Beside)
{
    private const int TextBytesMax = 128;
    private const byte FlagBeside = 1;
    private const byte FlagOpen = 2;
    private const int StageBytesMax = 1 + (5 * Varint.BytesMax) + (3 * TextBytesMax);

    /// <summary>Room for what <see cref="Write"/> writes.</summary>
    public static int BytesMax(RequestTrace trace) =>
        (2 * Varint.BytesMax) + ((trace.Stages.Count + trace.Beside.Count) * StageBytesMax);

    /// <summary>Writes a trace's stages; returns the bytes written.</summary>
    public static int Write(Span<byte> target, RequestTrace trace)
    {
        int at = Varint.Write(target, (ulong)(trace.Total.Ticks * 100));
        at += Varint.Write(target[at..], (ulong)(trace.Stages.Count + trace.Beside.Count));
        foreach (TraceStage stage in trace.Stages) at += WriteStage(target[at..], stage, 0);
        foreach (TraceStage stage in trace.Beside) at += WriteStage(target[at..], stage, FlagBeside);
        return at;
    }

    /// <summary>Reads stages; null for bytes that are none.</summary>
    public static RemoteTrace? TryRead(ref SpanReader reader)
    {
        if (!reader.TryReadVarint(out ulong total) || total > long.MaxValue) return null;
        if (!reader.TryReadVarintInt32(out int count) || count > 2 * RequestProbe.StagesMax) return null;
        var stages = new List<TraceStage>();
        var beside = new List<TraceStage>();
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadByte(out byte flags) || !TryReadText(ref reader, out string name)) return null;
            if (!TryReadText(ref reader, out string node) || !TryReadText(ref reader, out string detail)) return null;
            if (!reader.TryReadVarint(out ulong start) || !reader.TryReadVarint(out ulong length)) return null;
            if (start > long.MaxValue || length > long.MaxValue) return null;
            var stage = new TraceStage(name, node, Span(start), Span(length), detail, (flags & FlagOpen) != 0);
            ((flags & FlagBeside) != 0 ? beside : stages).Add(stage);
        }

        return new RemoteTrace(Span(total), stages, beside);
    }

    private static int WriteStage(Span<byte> target, in TraceStage stage, byte flags)
    {
        target[0] = (byte)(flags | (stage.IsOpen ? FlagOpen : 0));
        int at = 1;
        at += WriteText(target[at..], stage.Name);
        at += WriteText(target[at..], stage.Node);
        at += WriteText(target[at..], stage.Detail);
        at += Varint.Write(target[at..], (ulong)(stage.Start.Ticks * 100));
        return at + Varint.Write(target[at..], (ulong)(stage.Length.Ticks * 100));
    }

    private static int WriteText(Span<byte> target, string text)
    {
        // Cut by characters: at most three bytes of UTF-8 each.
        if (text.Length > TextBytesMax / 3) text = text[..(TextBytesMax / 3)];
        int bytes = Encoding.UTF8.GetByteCount(text);
        int at = Varint.Write(target, (ulong)bytes);
        return at + Encoding.UTF8.GetBytes(text, target[at..]);
    }

    private static bool TryReadText(ref SpanReader reader, out string text)
    {
        text = "";
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes) || bytes.Length > TextBytesMax) return false;
        text = Encoding.UTF8.GetString(bytes);
        return true;
    }

    private static TimeSpan Span(ulong nanoseconds) => TimeSpan.FromTicks((long)(nanoseconds / 100));
}
