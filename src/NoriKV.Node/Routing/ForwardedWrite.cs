using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

// The method Write of docs/formats/forward.md:
//   request: format u8 = 1 | hops u8 | shard u32 | entry envelope with stamp 0 (docs/formats/entry.md)
//   answer:  format u8 = 1 | kind u8 | 0 outcome: replay u8 | durability u8 | count varint | outcomes
//                                    | 1 error, and 2 the entry was refused for good: error
//   outcome: status u8 | term varint | index varint | of Found: length varint, value
internal static class ForwardedWrite
{
    public const byte Format = 1;
    public const int HeadBytes = 6;

    private const byte KindOutcome = 0;
    private const byte KindError = 1;
    private const byte KindRefused = 2;

    public static void WriteHead(Span<byte> target, byte hops, ShardId shard)
    {
        target[0] = Format;
        target[1] = hops;
        BinaryPrimitives.WriteUInt32LittleEndian(target[2..], shard.Value);
    }

    /// <summary>Reads a request; false for bytes that are none. The entry must be one that a client's call may become.</summary>
    public static bool TryRead(
        ReadOnlyMemory<byte> body, out byte hops, out ShardId shard, out ReadOnlyMemory<byte> envelope)
    {
        (hops, shard, envelope) = (0, default, default);
        ReadOnlySpan<byte> span = body.Span;
        if (span.Length < HeadBytes || span[0] != Format) return false;
        hops = span[1];
        shard = new ShardId(BinaryPrimitives.ReadUInt32LittleEndian(span[2..]));
        envelope = body[HeadBytes..];
        // An entry that cannot be read would stop the shard on every replica.
        return EntryReader.TryDecode(envelope, out DecodedEntry entry, out _)
            && entry is { Kind: EntryKind.Operations, StampUnixMs: 0, Operations.Length: > 0 };
    }

    public static byte[] Answer(EntryOutcome outcome, bool isSynced)
    {
        int size = 4 + Varint.BytesMax;
        foreach (ref readonly OperationOutcome operation in outcome.Operations.AsSpan())
        {
            size += 1 + (3 * Varint.BytesMax) + operation.Value.Length;
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>(size);
        (bytes[0], bytes[1], bytes[2], bytes[3]) = (Format, KindOutcome, (byte)outcome.Replay, isSynced ? (byte)0 : (byte)1);
        int at = 4 + Varint.Write(bytes.AsSpan(4), (ulong)outcome.Operations.Length);
        foreach (ref readonly OperationOutcome operation in outcome.Operations.AsSpan())
        {
            bytes[at++] = (byte)operation.Status;
            at += Varint.Write(bytes.AsSpan(at), operation.Version.Term);
            at += Varint.Write(bytes.AsSpan(at), operation.Version.Index);
            if (operation.Status != OutcomeStatus.Found) continue;
            at += Varint.Write(bytes.AsSpan(at), (ulong)operation.Value.Length);
            operation.Value.Span.CopyTo(bytes.AsSpan(at));
            at += operation.Value.Length;
        }

        return bytes.Length == at ? bytes : bytes[..at];
    }

    /// <param name="error">Why there is no outcome.</param>
    /// <param name="leader">Who leads; none.</param>
    /// <param name="isFinal">True: trying again cannot help.</param>
    public static byte[] Answer(KvError error, NodeNumber leader, bool isFinal)
    {
        byte[] bytes = new byte[2 + ForwardErrors.BytesMax];
        (bytes[0], bytes[1]) = (Format, isFinal ? KindRefused : KindError);
        return bytes[..(2 + ForwardErrors.Write(bytes.AsSpan(2), error, leader))];
    }

    /// <summary>Reads an answer; null for bytes that are none.</summary>
    public static WriteAnswer? TryReadAnswer(ReadOnlyMemory<byte> body, int operations)
    {
        var reader = new SpanReader(body.Span);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte kind)) return null;
        if (kind is KindError or KindRefused)
        {
            return ForwardErrors.TryRead(ref reader, out KvError? error, out NodeNumber leader)
                ? new WriteAnswer(error!, leader, kind == KindRefused, true)
                : null;
        }

        if (kind != KindOutcome || !reader.TryReadByte(out byte replay) || replay > (byte)ReplayKind.PayloadDiffers) return null;
        if (!reader.TryReadByte(out byte durability) || durability > 1) return null;
        if (!reader.TryReadVarintInt32(out int count) || count != operations) return null;
        var outcomes = new OperationOutcome[count];
        for (int i = 0; i < count; i++)
        {
            if (!TryReadOutcome(ref reader, body, out outcomes[i])) return null;
        }

        return reader.AtEnd
            ? new WriteAnswer(
                new EntryOutcome { Operations = outcomes, Replay = (ReplayKind)replay }, default, false, durability == 0)
            : null;
    }

    internal static bool TryReadOutcome(ref SpanReader reader, ReadOnlyMemory<byte> body, out OperationOutcome outcome)
    {
        outcome = default;
        if (!reader.TryReadByte(out byte status) || status > (byte)OutcomeStatus.NoRoom) return false;
        if (!reader.TryReadVarint(out ulong term) || !reader.TryReadVarint(out ulong index)) return false;
        ReadOnlyMemory<byte> value = default;
        if (status == (byte)OutcomeStatus.Found)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)) return false;
            value = body.Slice(reader.Position - bytes.Length, bytes.Length);
        }

        outcome = new OperationOutcome((OutcomeStatus)status, new KvVersion(term, index), value);
        return true;
    }
}
