using Nori.Core;
using NoriKV.Node.Peers;
using NoriKV.Node.Scanning;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

// The method Scan of docs/formats/forward.md; bytes = length varint, bytes:
//   request: format u8 = 1 | hops u8 | flags u8 (1 reverse, 2 keys only, 4 count only, 8 has a last key) | consistency u8
//            | max staleness ms varint | limit varint | pairs max varint | bytes max varint | start | end | prefix | last key
//            | shards
//   answer:  format u8 = 1 | kind u8 | 0 page: flags u8 (1 done, 2 has a last key) | refused shards | count varint
//                                      | staleness ms + 1 varint | last key | pair count varint | pairs
//                                    | 1 error
//   shards:  count varint | differences of the sorted numbers, varints
//   pair:    key | value | term varint | index varint
internal sealed record ForwardedScan(
    byte Hops, ScanOptions Options, byte[]? LastKey, int PairsMax, int BytesMax, IReadOnlyList<ShardId> Shards)
{
    private const byte Format = 1;
    private const byte KindPage = 0;
    private const byte KindError = 1;
    private const byte FlagReverse = 1;
    private const byte FlagKeysOnly = 2;
    private const byte FlagCountOnly = 4;
    private const byte FlagLastKey = 8;
    private const byte FlagDone = 1;
    private const byte FlagReached = 2;
    private const int ShardsMax = 1 << 16;

    public byte[] Encode()
    {
        var target = new FrameBuffer();
        Put(target, [Format, Hops, (byte)(
            (Options.Reverse ? FlagReverse : 0) | (Options.KeysOnly ? FlagKeysOnly : 0)
            | (Options.CountOnly ? FlagCountOnly : 0) | (LastKey is null ? 0 : FlagLastKey)),
            (byte)Options.Read.Consistency]);
        PutVarint(target, (ulong)Math.Ceiling(Options.Read.MaxStaleness?.TotalMilliseconds ?? 0));
        PutVarint(target, (ulong)Options.Limit);
        PutVarint(target, (ulong)PairsMax);
        PutVarint(target, (ulong)BytesMax);
        PutBytes(target, Options.Start.Span);
        PutBytes(target, Options.End.Span);
        PutBytes(target, Options.Prefix.Span);
        if (LastKey is not null) PutBytes(target, LastKey);
        PutShards(target, Shards);
        return target.Written.ToArray();
    }

    /// <summary>Reads a request; null for bytes that are none.</summary>
    public static ForwardedScan? TryDecode(ReadOnlyMemory<byte> body)
    {
        var reader = new SpanReader(body.Span);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte hops)) return null;
        if (!reader.TryReadByte(out byte flags) || flags > 15) return null;
        if (!reader.TryReadByte(out byte consistency) || consistency > (byte)Consistency.StaleOk) return null;
        if (!reader.TryReadVarint(out ulong staleness)) return null;
        if (!reader.TryReadVarint(out ulong limit) || limit > long.MaxValue) return null;
        if (!reader.TryReadVarintInt32(out int pairsMax) || pairsMax < 1) return null;
        if (!reader.TryReadVarintInt32(out int bytesMax) || bytesMax < 1) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> start)) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> end)) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> prefix)) return null;
        ReadOnlySpan<byte> last = default;
        if ((flags & FlagLastKey) != 0 && !reader.TryReadLengthPrefixed(out last)) return null;
        if (!TryReadShards(ref reader, out ShardId[]? shards) || shards.Length == 0 || !reader.AtEnd) return null;
        var options = new ScanOptions
        {
            Start = start.ToArray(),
            End = end.ToArray(),
            Prefix = prefix.ToArray(),
            Reverse = (flags & FlagReverse) != 0,
            KeysOnly = (flags & FlagKeysOnly) != 0,
            CountOnly = (flags & FlagCountOnly) != 0,
            Limit = (long)limit,
            Read = new ReadOptions
            {
                Consistency = (Consistency)consistency,
                MaxStaleness = WireDuration.FromMilliseconds(staleness),
            },
        };
        return new ForwardedScan(
            hops, options, (flags & FlagLastKey) != 0 ? last.ToArray() : null, pairsMax, bytesMax, shards);
    }

    public static byte[] Answer(ScanPartPage page, IReadOnlyList<ShardId> refused)
    {
        var target = new FrameBuffer();
        Put(target, [Format, KindPage, (byte)((page.IsDone ? FlagDone : 0) | (page.LastKey is null ? 0 : FlagReached))]);
        PutShards(target, refused);
        PutVarint(target, (ulong)page.Count);
        PutVarint(target, page.StalenessMs is { } age ? (ulong)age + 1 : 0);
        if (page.LastKey is not null) PutBytes(target, page.LastKey);
        PutVarint(target, (ulong)page.Pairs.Count);
        foreach (KvPair pair in page.Pairs)
        {
            PutBytes(target, pair.Key.Span);
            PutBytes(target, pair.Value.Span);
            PutVarint(target, pair.Version.Term);
            PutVarint(target, pair.Version.Index);
        }

        return target.Written.ToArray();
    }

    public static byte[] Answer(KvError error)
    {
        byte[] bytes = new byte[2 + ForwardErrors.BytesMax];
        (bytes[0], bytes[1]) = (Format, KindError);
        return bytes[..(2 + ForwardErrors.Write(bytes.AsSpan(2), error, default))];
    }

    /// <summary>Reads an answer; null for bytes that are none.</summary>
    public static ScanAnswer? TryReadAnswer(ReadOnlyMemory<byte> body)
    {
        var reader = new SpanReader(body.Span);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadByte(out byte kind)) return null;
        if (kind == KindError)
        {
            return ForwardErrors.TryRead(ref reader, out KvError? error, out _) ? new ScanAnswer(error!, []) : null;
        }

        if (kind != KindPage || !reader.TryReadByte(out byte flags) || flags > 3) return null;
        if (!TryReadShards(ref reader, out ShardId[]? refused)) return null;
        if (!reader.TryReadVarint(out ulong count) || count > long.MaxValue) return null;
        if (!reader.TryReadVarint(out ulong age) || age > long.MaxValue) return null;
        ReadOnlySpan<byte> last = default;
        if ((flags & FlagReached) != 0 && !reader.TryReadLengthPrefixed(out last)) return null;
        byte[]? lastKey = (flags & FlagReached) != 0 ? last.ToArray() : null;
        if (lastKey is null && (flags & FlagDone) == 0) return null;
        if (!reader.TryReadVarintInt32(out int pairs) || pairs > reader.Remaining.Length) return null;
        var page = new KvPair[pairs];
        for (int i = 0; i < pairs; i++)
        {
            if (!TrySlice(ref reader, body, out ReadOnlyMemory<byte> key)) return null;
            if (!TrySlice(ref reader, body, out ReadOnlyMemory<byte> value)) return null;
            if (!reader.TryReadVarint(out ulong term) || !reader.TryReadVarint(out ulong index)) return null;
            page[i] = new KvPair(key, value, new KvVersion(term, index));
        }

        if (!reader.AtEnd) return null;
        return new ScanAnswer(
            new ScanPartPage(page, (long)count, (flags & FlagDone) != 0, lastKey, age == 0 ? null : (long)age - 1), refused);
    }

    private static bool TrySlice(ref SpanReader reader, ReadOnlyMemory<byte> body, out ReadOnlyMemory<byte> slice)
    {
        slice = default;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)) return false;
        slice = body.Slice(reader.Position - bytes.Length, bytes.Length);
        return true;
    }

    private static bool TryReadShards(
        ref SpanReader reader, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ShardId[]? shards)
    {
        shards = null;
        if (!reader.TryReadVarintInt32(out int count) || count > Math.Min(ShardsMax, reader.Remaining.Length)) return false;
        var all = new ShardId[count];
        ulong next = 0;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong more) || more > ShardsMax) return false;
            next += more + (i == 0 ? 0UL : 1UL);
            if (next > ShardsMax) return false;
            all[i] = new ShardId((uint)next);
        }

        shards = all;
        return true;
    }

    private static void PutShards(FrameBuffer target, IReadOnlyList<ShardId> shards)
    {
        PutVarint(target, (ulong)shards.Count);
        for (int i = 0; i < shards.Count; i++)
        {
            PutVarint(target, i == 0 ? shards[0].Value : shards[i].Value - shards[i - 1].Value - 1);
        }
    }

    private static void PutBytes(FrameBuffer target, ReadOnlySpan<byte> bytes)
    {
        PutVarint(target, (ulong)bytes.Length);
        Put(target, bytes);
    }

    private static void Put(FrameBuffer target, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(target.GetSpan(bytes.Length));
        target.Advance(bytes.Length);
    }

    private static void PutVarint(FrameBuffer target, ulong value) =>
        target.Advance(Varint.Write(target.GetSpan(Varint.BytesMax), value));
}
