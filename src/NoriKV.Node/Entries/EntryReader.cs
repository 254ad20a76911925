using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Entries;

/// <summary>Decodes what <see cref="EntryWriter"/> encodes. Trusts no length; an unknown format or kind is an error.</summary>
public static class EntryReader
{
    /// <summary>The most operations an entry may claim. A bound for decoding; requests are bounded far below.</summary>
    public const int OperationsMax = 1 << 20;

    /// <summary>Reads an entry; false with the reason when it is not one that this code knows.</summary>
    public static bool TryDecode(ReadOnlyMemory<byte> envelope, out DecodedEntry entry, out string? error)
    {
        entry = default;
        var reader = new SpanReader(envelope.Span);
        if (!reader.TryReadByte(out byte format) || !reader.TryReadByte(out byte kind)) return Short(out error);
        if (format != EntryWriter.Format) return Fail($"unknown entry format {format}", out error);
        if (kind is < (byte)EntryKind.NoOp or > (byte)EntryKind.Time)
        {
            return Fail($"unknown entry kind {kind}", out error);
        }

        if (!reader.TryReadUInt16(out ushort flags) || !reader.TryReadUInt64(out ulong stamp)) return Short(out error);
        if (flags != 0) return Fail($"unknown entry flags {flags}", out error);
        if (stamp > long.MaxValue) return Fail($"impossible stamp {stamp}", out error);
        if (!TryReadSession(ref reader, envelope, out EntrySession session)) return Fail("damaged session", out error);
        if (!reader.TryReadUInt32(out uint principal) || !reader.TryReadUInt32(out uint keyspace)) return Short(out error);
        if (principal != 0 || keyspace != 0) return Fail("unknown principal or keyspace", out error);
        ReadOnlyMemory<byte> body = envelope[reader.Position..];
        if (kind == (byte)EntryKind.Configuration)
        {
            if (!session.Equals(EntrySession.None)) return Fail("a configuration with a session", out error);
            if (!ShardConfiguration.TryDecode(ref reader, out ConfigurationMember[] members) || members.Length == 0)
            {
                return Fail("damaged configuration", out error);
            }

            if (!reader.AtEnd) return Fail("bytes behind its end", out error);
            entry = new DecodedEntry(EntryKind.Configuration, (long)stamp, session, [], body) { Members = members };
            error = null;
            return true;
        }

        if (!reader.TryReadVarintInt32(out int count)
            || count > Math.Min(OperationsMax, reader.Remaining.Length))
        {
            return Fail("impossible operation count", out error);
        }

        EntryOperation[] operations = count == 0 ? [] : new EntryOperation[count];
        for (int i = 0; i < count; i++)
        {
            if (!TryReadOperation(ref reader, envelope, out operations[i]))
            {
                return Fail($"damaged operation {i}", out error);
            }
        }

        if (!reader.AtEnd) return Fail("bytes behind its end", out error);
        entry = new DecodedEntry((EntryKind)kind, (long)stamp, session, operations, body);
        error = null;
        return true;
    }

    private static bool TryReadSession(ref SpanReader reader, ReadOnlyMemory<byte> envelope, out EntrySession session)
    {
        session = default;
        if (!reader.TryReadByte(out byte kind)) return false;
        if (kind == (byte)SessionKind.None) return true;
        if (kind > (byte)SessionKind.NodeSession) return false;
        if (!TrySlice(ref reader, envelope, out ReadOnlyMemory<byte> id)) return false;
        ulong sequence = 0;
        ulong unixMs = 0;
        if (kind != (byte)SessionKind.IdempotencyKey
            && (!reader.TryReadVarint(out sequence) || !reader.TryReadVarint(out unixMs)))
        {
            return false;
        }

        session = new EntrySession((SessionKind)kind, id, sequence, unixMs);
        return true;
    }

    private static bool TryReadOperation(
        ref SpanReader reader, ReadOnlyMemory<byte> envelope, out EntryOperation operation)
    {
        operation = default;
        if (!reader.TryReadByte(out byte kind)
            || kind is < (byte)OperationKind.Put or > (byte)OperationKind.Get
            || !reader.TryReadByte(out byte flags)
            || (flags & ~EntryWriter.FlagsKnown) != 0
            || !TrySlice(ref reader, envelope, out ReadOnlyMemory<byte> key))
        {
            return false;
        }

        ulong ttl = 0;
        if ((flags & EntryWriter.FlagTtl) != 0 && (!reader.TryReadVarint(out ttl) || ttl == 0)) return false;
        KvVersion? ifMatch = null;
        if ((flags & EntryWriter.FlagIfMatch) != 0)
        {
            if (!reader.TryReadVarint(out ulong term) || !reader.TryReadVarint(out ulong index)) return false;
            ifMatch = new KvVersion(term, index);
        }

        ReadOnlyMemory<byte> value = default;
        if (kind == (byte)OperationKind.Put && !TrySlice(ref reader, envelope, out value)) return false;
        operation = new EntryOperation(
            (OperationKind)kind, key, value, ttl, ifMatch, (flags & EntryWriter.FlagIfNotExists) != 0);
        return true;
    }

    private static bool TrySlice(ref SpanReader reader, ReadOnlyMemory<byte> envelope, out ReadOnlyMemory<byte> slice)
    {
        slice = default;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)) return false;
        slice = envelope.Slice(reader.Position - bytes.Length, bytes.Length);
        return true;
    }

    private static bool Short(out string error) => Fail("cut short", out error);

    private static bool Fail(string reason, out string error)
    {
        error = reason;
        return false;
    }
}
