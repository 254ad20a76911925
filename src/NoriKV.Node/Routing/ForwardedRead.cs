using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

// The method Read of docs/formats/forward.md:
//   request: format u8 = 1 | hops u8 | shard u32 | consistency u8 | max staleness ms varint, 0 none | answer bytes max varint
//            | count varint | (key length varint, key)*
//   answer:  format u8 = 1 | kind u8 | 0 values: consistency u8 | staleness ms + 1 varint, 0 unknown | count varint | outcomes
//                                    | 1 error
//   outcome: as of the method Write; only Found, Missing and NoRoom.
internal sealed record ForwardedRead(
    byte Hops, ShardId Shard, ReadOptions Options, long AnswerBytesMax, IReadOnlyList<ReadOnlyMemory<byte>> Keys)
{
    private const byte Format = 1;
    private const byte KindValues = 0;
    private const byte KindError = 1;
    private const int KeysMax = 1 << 20;

    public byte[] Encode()
    {
        int size = 7 + (3 * Varint.BytesMax);
        foreach (ReadOnlyMemory<byte> key in Keys) size += Varint.BytesMax + key.Length;
        byte[] bytes = new byte[size];
        (bytes[0], bytes[1]) = (Format, Hops);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(2), Shard.Value);
        bytes[6] = (byte)Options.Consistency;
        int at = 7;
        at += Varint.Write(bytes.AsSpan(at), (ulong)Math.Ceiling(Options.MaxStaleness?.TotalMilliseconds ?? 0));
        at += Varint.Write(bytes.AsSpan(at), (ulong)AnswerBytesMax);
        at += Varint.Write(bytes.AsSpan(at), (ulong)Keys.Count);
        foreach (ReadOnlyMemory<byte> key in Keys)
        {
            at += Varint.Write(bytes.AsSpan(at), (ulong)key.Length);
            key.Span.CopyTo(bytes.AsSpan(at));
            at += key.Length;
        }

        return bytes[..at];
    }

    /// <summary>Reads a request; null for bytes that are none.</summary>
    public static ForwardedRead? TryDecode(ReadOnlyMemory<byte> body)
    {
        var reader = new SpanReader(body.Span);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte hops)) return null;
        if (!reader.TryReadUInt32(out uint shard)) return null;
        if (!reader.TryReadByte(out byte consistency) || consistency > (byte)Consistency.StaleOk) return null;
        if (!reader.TryReadVarint(out ulong staleness) || !reader.TryReadVarint(out ulong bytesMax)) return null;
        if (!reader.TryReadVarintInt32(out int count)) return null;
        if (count < 1 || count > Math.Min(KeysMax, reader.Remaining.Length)) return null;
        var keys = new ReadOnlyMemory<byte>[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> key) || key.IsEmpty) return null;
            keys[i] = body.Slice(reader.Position - key.Length, key.Length);
        }

        if (!reader.AtEnd) return null;
        var options = new ReadOptions
        {
            Consistency = (Consistency)consistency,
            MaxStaleness = WireDuration.FromMilliseconds(staleness),
        };
        return new ForwardedRead(hops, new ShardId(shard), options, (long)Math.Min(bytesMax, long.MaxValue), keys);
    }

    public static byte[] Answer(ReadValues values)
    {
        int size = 3 + (2 * Varint.BytesMax);
        foreach (ref readonly OperationOutcome value in values.Outcomes.AsSpan()) size += 1 + (3 * Varint.BytesMax) + value.Value.Length;
        byte[] bytes = GC.AllocateUninitializedArray<byte>(size);
        (bytes[0], bytes[1], bytes[2]) = (Format, KindValues, (byte)values.Served);
        int at = 3;
        at += Varint.Write(bytes.AsSpan(at), values.StalenessMs is { } age ? (ulong)age + 1 : 0);
        at += Varint.Write(bytes.AsSpan(at), (ulong)values.Outcomes.Length);
        foreach (ref readonly OperationOutcome value in values.Outcomes.AsSpan())
        {
            bytes[at++] = (byte)value.Status;
            at += Varint.Write(bytes.AsSpan(at), value.Version.Term);
            at += Varint.Write(bytes.AsSpan(at), value.Version.Index);
            if (value.Status != OutcomeStatus.Found) continue;
            at += Varint.Write(bytes.AsSpan(at), (ulong)value.Value.Length);
            value.Value.Span.CopyTo(bytes.AsSpan(at));
            at += value.Value.Length;
        }

        return bytes.Length == at ? bytes : bytes[..at];
    }

    public static byte[] Answer(KvError error, NodeNumber leader)
    {
        byte[] bytes = new byte[2 + ForwardErrors.BytesMax];
        (bytes[0], bytes[1]) = (Format, KindError);
        return bytes[..(2 + ForwardErrors.Write(bytes.AsSpan(2), error, leader))];
    }

    /// <summary>Reads an answer; null for bytes that are none.</summary>
    public static ReadAnswer? TryReadAnswer(ReadOnlyMemory<byte> body, int keys)
    {
        var reader = new SpanReader(body.Span);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte kind)) return null;
        if (kind == KindError)
        {
            return ForwardErrors.TryRead(ref reader, out KvError? error, out NodeNumber leader)
                ? new ReadAnswer(error!, leader)
                : null;
        }

        if (kind != KindValues || !reader.TryReadByte(out byte served) || served > (byte)Consistency.StaleOk) return null;
        if (!reader.TryReadVarint(out ulong age) || age > long.MaxValue) return null;
        if (!reader.TryReadVarintInt32(out int count) || count != keys) return null;
        var outcomes = new OperationOutcome[count];
        for (int i = 0; i < count; i++)
        {
            if (!ForwardedWrite.TryReadOutcome(ref reader, body, out outcomes[i])) return null;
            if (outcomes[i].Status is not (OutcomeStatus.Found or OutcomeStatus.Missing or OutcomeStatus.NoRoom)) return null;
        }

        if (!reader.AtEnd) return null;
        return new ReadAnswer(new ReadValues((Consistency)served, age == 0 ? null : (long)age - 1, outcomes), default);
    }
}
