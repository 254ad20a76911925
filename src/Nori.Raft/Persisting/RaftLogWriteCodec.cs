using System.Buffers;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// The byte form of what a log stores: for logs that keep it as records in a file. Bytewise in docs/formats/raft-log.md.
/// </summary>
public static class RaftLogWriteCodec
{
    // format u8 = 1 | parts u8
    // | [base: index varint | term varint | configuration index varint | configuration length-prefixed]
    // | [hard state: term varint | vote varint | commit varint]
    // | [entries: first varint | as in a message]
    private const byte Format = 1;

    [Flags]
    private enum Parts : byte
    {
        None = 0,
        Base = 1,
        Reset = 2,
        HardState = 4,
        Mark = 8,
        Damaged = 16,
        Entries = 32,
        Sync = 64,
        All = 127,
    }

    /// <summary>Writes it.</summary>
    public static void Write(RaftLogWrite write, IBufferWriter<byte> writer)
    {
        ArgumentNullException.ThrowIfNull(write);
        writer.WriteByte(Format);
        writer.WriteByte((byte)PartsOf(write));
        if (write.Base is { } start)
        {
            writer.WriteVarint(start.Index.Value);
            writer.WriteVarint(start.Term.Value);
            writer.WriteVarint(start.Configuration.Index.Value);
            writer.WriteLengthPrefixed(ConfigurationCodec.Encode(start.Configuration.Configuration));
        }

        if (write.HardState is { } hard)
        {
            writer.WriteVarint(hard.Term.Value);
            writer.WriteVarint(hard.Vote.Value);
            writer.WriteVarint(hard.Commit.Value);
        }

        if (write.Entries.Count == 0) return;
        writer.WriteVarint(write.Entries[0].Index.Value);
        EntriesCodec.Write(Describe(write.Entries), new Source(write.Entries), writer);
    }

    /// <summary>Reads bytes that hold one and nothing else; false when they do not.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out RaftLogWrite write)
    {
        write = new RaftLogWrite();
        SpanReader reader = new(source);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadByte(out byte bits) || (bits & ~(byte)Parts.All) != 0) return false;
        Parts parts = (Parts)bits;
        RaftLogBase? start = null;
        HardState? hard = null;
        List<RaftEntry> entries = [];
        if (parts.HasFlag(Parts.Base) && !TryReadBase(ref reader, parts.HasFlag(Parts.Reset), out start)) return false;
        if (parts.HasFlag(Parts.HardState) && !TryReadHardState(ref reader, out hard)) return false;
        if (parts.HasFlag(Parts.Entries))
        {
            if (!reader.TryReadVarint(out ulong first) || first == 0) return false;
            if (!EntriesCodec.TryRead(ref reader, new LogIndex(first - 1), entries, out _)) return false;
        }

        if (!reader.AtEnd) return false;
        write = new RaftLogWrite
        {
            Base = start,
            HardState = hard,
            Entries = entries,
            IsDamaged = parts.HasFlag(Parts.Mark) ? parts.HasFlag(Parts.Damaged) : null,
            MustSync = parts.HasFlag(Parts.Sync),
        };
        return true;
    }

    private static Parts PartsOf(RaftLogWrite write)
    {
        Parts parts = Parts.None;
        if (write.Base is not null) parts |= Parts.Base;
        if (write.Base is { IsReset: true }) parts |= Parts.Reset;
        if (write.HardState is not null) parts |= Parts.HardState;
        if (write.IsDamaged is not null) parts |= Parts.Mark;
        if (write.IsDamaged == true) parts |= Parts.Damaged;
        if (write.Entries.Count > 0) parts |= Parts.Entries;
        if (write.MustSync) parts |= Parts.Sync;
        return parts;
    }

    private static EntryRange Describe(IReadOnlyList<RaftEntry> entries)
    {
        List<TermSpan> spans = [];
        for (int i = 0; i < entries.Count; i++)
        {
            Invariant.Assert(entries[i].Index == entries[0].Index + (ulong)i);
            if (i == 0 || entries[i].Term != entries[i - 1].Term) spans.Add(new TermSpan(entries[i].Term, entries[i].Index));
        }

        return new EntryRange(entries[0].Index, entries[^1].Index, spans, [], 0);
    }

    private static bool TryReadBase(ref SpanReader reader, bool isReset, out RaftLogBase? start)
    {
        start = null;
        if (!reader.TryReadVarint(out ulong index) || !reader.TryReadVarint(out ulong term)
            || !reader.TryReadVarint(out ulong configurationIndex)
            || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)
            || !ConfigurationCodec.TryDecode(bytes, out Configuration configuration))
            return false;
        ConfigurationEntry entry = new(new LogIndex(configurationIndex), configuration);
        start = new RaftLogBase(new LogIndex(index), new Term(term), entry, isReset);
        return true;
    }

    private static bool TryReadHardState(ref SpanReader reader, out HardState? hard)
    {
        hard = null;
        if (!reader.TryReadVarint(out ulong term) || !reader.TryReadVarint(out ulong vote)
            || !reader.TryReadVarint(out ulong commit))
            return false;
        hard = new HardState(new Term(term), new ReplicaId(vote), new LogIndex(commit));
        return true;
    }

    private sealed class Source(IReadOnlyList<RaftEntry> entries) : IEntrySource
    {
        public RaftEntry GetEntry(LogIndex index, Term term) => entries[(int)(index - entries[0].Index)];
    }
}
