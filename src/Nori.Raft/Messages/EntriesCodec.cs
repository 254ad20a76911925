using System.Buffers;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>The entries of a message; drawn in <see cref="RaftMessageCodec"/>.</summary>
internal static class EntriesCodec
{
    public static void Write(EntryRange range, IEntrySource source, IBufferWriter<byte> writer)
    {
        writer.WriteVarint((ulong)range.Terms.Count);
        for (int i = 0; i < range.Terms.Count; i++)
        {
            writer.WriteVarint(range.Terms[i].Term.Value);
            writer.WriteVarint(EndOf(range, i) - range.Terms[i].First);
        }

        for (int i = 0; i < range.Terms.Count; i++)
        {
            Term term = range.Terms[i].Term;
            for (LogIndex index = range.Terms[i].First; index < EndOf(range, i); index = index.Next)
            {
                RaftEntry entry = source.GetEntry(index, term);
                Invariant.Assert(entry.Index == index);
                Invariant.Assert(entry.Term == term);
                writer.WriteByte((byte)entry.Type);
                writer.WriteLengthPrefixed(entry.Data.Span);
            }
        }
    }

    // Two passes: the first only looks, so that a message is believed whole or not at all, and knows how much is
    // to be copied; lengths are believed no further than the input goes.
    public static bool TryRead(ref SpanReader reader, LogIndex previous, List<RaftEntry> entries, out EntryRange range)
    {
        range = EntryRange.Empty;
        if (!TryReadSpans(ref reader, previous, out TermSpan[] spans, out ulong count)) return false;
        SpanReader ahead = new(reader.Remaining);
        if (!TryMeasure(ref ahead, count, out int dataBytes)) return false;

        byte[] data = dataBytes == 0 ? [] : GC.AllocateUninitializedArray<byte>(dataBytes);
        int at = 0, span = 0;
        List<ConfigurationEntry> configurations = [];
        LogIndex last = previous + count;
        for (LogIndex index = previous.Next; index <= last; index = index.Next)
        {
            if (span + 1 < spans.Length && spans[span + 1].First == index) span++;
            _ = reader.TryReadByte(out byte type);
            _ = reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes);
            if (type == (byte)EntryType.Configuration)
            {
                if (!ConfigurationCodec.TryDecode(bytes, out Configuration configuration)) return Fail(entries);
                configurations.Add(new ConfigurationEntry(index, configuration));
            }

            bytes.CopyTo(data.AsSpan(at));
            entries.Add(new RaftEntry(index, spans[span].Term, (EntryType)type, data.AsMemory(at, bytes.Length)));
            at += bytes.Length;
        }

        Invariant.Assert(at == dataBytes);
        long size = dataBytes + ((long)count * RaftEntry.OverheadBytes);
        range = new EntryRange(previous.Next, last, spans, configurations, size);
        return true;
    }

    private static LogIndex EndOf(EntryRange range, int span) =>
        span + 1 < range.Terms.Count ? range.Terms[span + 1].First : range.Last.Next;

    private static bool TryReadSpans(ref SpanReader reader, LogIndex previous, out TermSpan[] spans, out ulong count)
    {
        (spans, count) = ([], 0);
        if (!reader.TryReadVarintInt32(out int spanCount) || spanCount == 0) return false;
        if (spanCount > reader.Remaining.Length / 2) return false;
        spans = new TermSpan[spanCount];
        for (int i = 0; i < spanCount; i++)
        {
            if (!reader.TryReadVarint(out ulong term) || !reader.TryReadVarintInt32(out int entries)) return false;
            if (entries == 0 || (i > 0 && term <= spans[i - 1].Term.Value)) return false;
            spans[i] = new TermSpan(new Term(term), previous + count + 1);
            count += (ulong)entries;
        }

        return previous.Value < ulong.MaxValue - count;
    }

    private static bool TryMeasure(ref SpanReader reader, ulong count, out int dataBytes)
    {
        dataBytes = 0;
        for (ulong i = 0; i < count; i++)
        {
            if (!reader.TryReadByte(out byte type) || type > (byte)EntryType.NoOp) return false;
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)) return false;
            dataBytes += bytes.Length;
        }

        return true;
    }

    private static bool Fail(List<RaftEntry> entries)
    {
        entries.Clear();
        return false;
    }
}
