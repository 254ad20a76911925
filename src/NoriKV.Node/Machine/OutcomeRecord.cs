using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Machine;

/// <summary>
/// A stored outcome, format 1 (docs/formats/state-machine.md):
/// <code>
/// format u8 = 1 | identity 16 bytes | request hash u64 | stamp varint | sequence varint | count varint
/// outcomes: status u8 | term varint | index varint
/// </code>
/// Identity says which request it was (idempotency key, operation and key), the hash whether a repeat is the same in all.
/// </summary>
internal readonly record struct OutcomeRecord(
    UInt128 Identity, ulong RequestHash, long Stamp, ulong Sequence, OperationOutcome[] Operations)
{
    private const byte Format = 1;

    public int EncodedBytesMax => 1 + 16 + 8 + (3 * Varint.BytesMax) + (Operations.Length * (1 + (2 * Varint.BytesMax)));

    public int Encode(Span<byte> target)
    {
        target[0] = Format;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128LittleEndian(target[1..], Identity);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(target[17..], RequestHash);
        int length = 25;
        length += Varint.Write(target[length..], (ulong)Stamp);
        length += Varint.Write(target[length..], Sequence);
        length += Varint.Write(target[length..], (ulong)Operations.Length);
        foreach (OperationOutcome outcome in Operations)
        {
            target[length++] = (byte)outcome.Status;
            length += Varint.Write(target[length..], outcome.Version.Term);
            length += Varint.Write(target[length..], outcome.Version.Index);
        }

        return length;
    }

    public static bool TryDecode(ReadOnlySpan<byte> bytes, out OutcomeRecord record)
    {
        record = default;
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadBytes(16, out ReadOnlySpan<byte> identity) || !reader.TryReadUInt64(out ulong hash)) return false;
        if (!reader.TryReadVarint(out ulong stamp) || stamp > long.MaxValue) return false;
        if (!reader.TryReadVarint(out ulong sequence)) return false;
        if (!reader.TryReadVarintInt32(out int count) || count > reader.Remaining.Length) return false;
        var operations = new OperationOutcome[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadByte(out byte status) || status > (byte)OutcomeStatus.Missing) return false;
            if (!reader.TryReadVarint(out ulong term) || !reader.TryReadVarint(out ulong index)) return false;
            operations[i] = new OperationOutcome((OutcomeStatus)status, new KvVersion(term, index));
        }

        record = new OutcomeRecord(
            System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(identity), hash, (long)stamp, sequence, operations);
        return reader.AtEnd;
    }
}
