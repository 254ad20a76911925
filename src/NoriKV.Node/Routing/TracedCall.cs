using System.Buffers.Binary;
using System.Text;
using Nori.Core;
using Nori.Observe;
using NoriKV.Node.Tracing;

namespace NoriKV.Node.Routing;

// The methods TracedWrite and TracedRead of docs/formats/forward.md wrap the bodies of Write and Read:
//   request: format u8 = 1 | flags u8 (1: part of a trace that is recorded; 2: with a tracestate)
//            | if flagged 1: trace id, two u64, and span id u64 | if flagged 2: length varint, tracestate in ASCII
//            | body of Write or Read
//   answer:  format u8 = 1 | stages (RemoteTrace) | answer of Write or Read
internal static class TracedCall
{
    public const int HeadBytesMax = ContextBytes + 2 + TraceContext.StateLengthMax;

    private const int ContextBytes = 2 + (3 * sizeof(ulong));
    private const byte Format = 1;
    private const byte FlagSampled = 1;
    private const byte FlagState = 2;

    /// <summary>Writes what stands before a request's body; returns the bytes written.</summary>
    public static int WriteHead(Span<byte> target, in TraceContext context)
    {
        (target[0], target[1]) = (Format, context is { IsNone: false, IsSampled: true } ? FlagSampled : (byte)0);
        if (target[1] == 0) return 2;
        BinaryPrimitives.WriteUInt64LittleEndian(target[2..], context.TraceHigh);
        BinaryPrimitives.WriteUInt64LittleEndian(target[10..], context.TraceLow);
        BinaryPrimitives.WriteUInt64LittleEndian(target[18..], context.Span);
        if (context.State is not { } state) return ContextBytes;
        target[1] |= FlagState;
        int at = ContextBytes + Varint.Write(target[ContextBytes..], (ulong)state.Length);
        return at + Encoding.ASCII.GetBytes(state, target[at..]);
    }

    /// <summary>Reads a request; false for bytes that are none.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out TraceContext context, out ReadOnlyMemory<byte> body)
    {
        (context, body) = (default, default);
        var reader = new SpanReader(bytes.Span);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte flags)) return false;
        if ((flags & FlagSampled) != 0)
        {
            if (!reader.TryReadUInt64(out ulong high) || !reader.TryReadUInt64(out ulong low)) return false;
            if (!reader.TryReadUInt64(out ulong span)) return false;
            context = new TraceContext(high, low, span, true);
        }

        if ((flags & FlagState) != 0)
        {
            if (context.IsNone || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> state)) return false;
            if (state.Length > TraceContext.StateLengthMax) return false;
            context = context.WithState(Encoding.ASCII.GetString(state));
        }

        body = bytes[reader.Position..];
        return true;
    }

    /// <summary>An answer with the stages of what it took.</summary>
    public static byte[] Answer(RequestTrace trace, ReadOnlySpan<byte> answer)
    {
        byte[] bytes = new byte[1 + RemoteTrace.BytesMax(trace) + answer.Length];
        bytes[0] = Format;
        int at = 1 + RemoteTrace.Write(bytes.AsSpan(1), trace);
        answer.CopyTo(bytes.AsSpan(at));
        return bytes[..(at + answer.Length)];
    }

    /// <summary>Reads an answer; false for bytes that are none.</summary>
    public static bool TryReadAnswer(ReadOnlyMemory<byte> bytes, out RemoteTrace? trace, out ReadOnlyMemory<byte> answer)
    {
        (trace, answer) = (null, default);
        var reader = new SpanReader(bytes.Span);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        trace = RemoteTrace.TryRead(ref reader);
        if (trace is null) return false;
        answer = bytes[reader.Position..];
        return true;
    }
}
