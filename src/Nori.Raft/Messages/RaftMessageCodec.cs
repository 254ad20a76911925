using System.Buffers;
using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// The byte form of what replicas tell each other, entries with their bytes included. Bytewise in
/// docs/formats/raft-message.md.
/// </summary>
public static class RaftMessageCodec
{
    // format u8 = 1 | kind u8 | fields u16 | group varint | from varint | to varint | term varint
    // | [index varint] | [log term varint] | [commit varint] | [hint index varint, hint term varint]
    // | [round varint] | [context u64] | [snapshot] | [entries]
    // snapshot: index varint | term varint | configuration index varint | configuration length-prefixed
    // entries:  spans varint | spans × (term varint, count varint) | count × (type u8, data length-prefixed)
    // The first entry stands at index + 1.
    private const byte Format = 1;

    /// <summary>Writes a message; the bytes of the entries it names come from <paramref name="entries"/>.</summary>
    /// <exception cref="InvalidOperationException">The source lacks one of them.</exception>
    public static void Write(in RaftMessage message, IEntrySource entries, IBufferWriter<byte> writer)
    {
        MessageFields fields = FieldsOf(message);
        writer.WriteByte(Format);
        writer.WriteByte((byte)message.Kind);
        writer.WriteUInt16((ushort)fields);
        writer.WriteVarint(message.Group.Value);
        writer.WriteVarint(message.From.Value);
        writer.WriteVarint(message.To.Value);
        writer.WriteVarint(message.Term.Value);
        if (fields.HasFlag(MessageFields.Index)) writer.WriteVarint(message.Index.Value);
        if (fields.HasFlag(MessageFields.LogTerm)) writer.WriteVarint(message.LogTerm.Value);
        if (fields.HasFlag(MessageFields.Commit)) writer.WriteVarint(message.Commit.Value);
        if (fields.HasFlag(MessageFields.Hint))
        {
            writer.WriteVarint(message.HintIndex.Value);
            writer.WriteVarint(message.HintTerm.Value);
        }

        if (fields.HasFlag(MessageFields.Round)) writer.WriteVarint(message.Round);
        if (fields.HasFlag(MessageFields.Context)) writer.WriteUInt64(message.Context);
        if (message.Snapshot is { } snapshot) WriteSnapshot(snapshot, writer);
        if (!message.Entries.IsEmpty) WriteEntries(message, entries, writer);
    }

    /// <summary>
    /// Reads one message; what follows it is left to the reader's owner. False when the bytes are not one: too
    /// short, of another format, with an unknown kind, field or type of entry, or with terms that do not rise.
    /// </summary>
    /// <param name="reader">Stands at the message; stands anywhere in it after a false.</param>
    /// <param name="message">The message; its entries are named by range, as a core wants them.</param>
    /// <param name="entries">
    /// Cleared, then filled with the entries: stage them by (index, term) before the message goes to the core.
    /// Their data is copied, one array for all.
    /// </param>
    public static bool TryRead(ref SpanReader reader, out RaftMessage message, List<RaftEntry> entries)
    {
        entries.Clear();
        message = default;
        if (!TryReadFields(ref reader, out RaftMessage read, out MessageFields fields)) return false;
        if (fields.HasFlag(MessageFields.Snapshot))
        {
            if (!TryReadSnapshot(ref reader, out SnapshotMeta? snapshot)) return false;
            read = read with { Snapshot = snapshot };
        }

        if (fields.HasFlag(MessageFields.Entries))
        {
            if (!EntriesCodec.TryRead(ref reader, read.Index, entries, out EntryRange range)) return false;
            read = read with { Entries = range };
        }

        message = read;
        return true;
    }

    /// <summary>Reads bytes that hold one message and nothing else.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out RaftMessage message, List<RaftEntry> entries)
    {
        SpanReader reader = new(source);
        return TryRead(ref reader, out message, entries) && reader.AtEnd;
    }

    private static MessageFields FieldsOf(in RaftMessage message)
    {
        MessageFields fields = MessageFields.None;
        if (message.Index.Value != 0) fields |= MessageFields.Index;
        if (message.LogTerm.Value != 0) fields |= MessageFields.LogTerm;
        if (message.Commit.Value != 0) fields |= MessageFields.Commit;
        if (message.HintIndex.Value != 0 || message.HintTerm.Value != 0) fields |= MessageFields.Hint;
        if (message.Round != 0) fields |= MessageFields.Round;
        if (message.Context != 0) fields |= MessageFields.Context;
        if (message.Snapshot is not null) fields |= MessageFields.Snapshot;
        if (!message.Entries.IsEmpty) fields |= MessageFields.Entries;
        if (message.IsRejected) fields |= MessageFields.Rejected;
        if (message.IsTransfer) fields |= MessageFields.Transfer;
        return fields;
    }

    private static bool TryReadFields(ref SpanReader reader, out RaftMessage message, out MessageFields fields)
    {
        (message, fields) = (default, default);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadByte(out byte kind) || kind is 0 or > (byte)MessageKind.HealResponse) return false;
        if (!reader.TryReadUInt16(out ushort bits) || (bits & ~(ushort)MessageFields.All) != 0) return false;
        fields = (MessageFields)bits;
        if (!reader.TryReadVarint(out ulong group) || !reader.TryReadVarint(out ulong from)
            || !reader.TryReadVarint(out ulong to) || !reader.TryReadVarint(out ulong term))
            return false;
        if (!TryReadField(ref reader, fields, MessageFields.Index, out ulong index)
            || !TryReadField(ref reader, fields, MessageFields.LogTerm, out ulong logTerm)
            || !TryReadField(ref reader, fields, MessageFields.Commit, out ulong commit)
            || !TryReadField(ref reader, fields, MessageFields.Hint, out ulong hintIndex)
            || !TryReadField(ref reader, fields, MessageFields.Hint, out ulong hintTerm)
            || !TryReadField(ref reader, fields, MessageFields.Round, out ulong round))
            return false;
        ulong context = 0;
        if (fields.HasFlag(MessageFields.Context) && !reader.TryReadUInt64(out context)) return false;
        message = new RaftMessage
        {
            Kind = (MessageKind)kind,
            Group = new GroupId(group),
            From = new ReplicaId(from),
            To = new ReplicaId(to),
            Term = new Term(term),
            Index = new LogIndex(index),
            LogTerm = new Term(logTerm),
            Commit = new LogIndex(commit),
            HintIndex = new LogIndex(hintIndex),
            HintTerm = new Term(hintTerm),
            Round = round,
            Context = context,
            IsRejected = fields.HasFlag(MessageFields.Rejected),
            IsTransfer = fields.HasFlag(MessageFields.Transfer),
        };
        return true;
    }

    private static bool TryReadField(
        ref SpanReader reader, MessageFields fields, MessageFields field, out ulong value)
    {
        value = 0;
        return !fields.HasFlag(field) || reader.TryReadVarint(out value);
    }

    private static void WriteSnapshot(SnapshotMeta snapshot, IBufferWriter<byte> writer)
    {
        writer.WriteVarint(snapshot.Index.Value);
        writer.WriteVarint(snapshot.Term.Value);
        writer.WriteVarint(snapshot.Configuration.Index.Value);
        writer.WriteLengthPrefixed(ConfigurationCodec.Encode(snapshot.Configuration.Configuration));
    }

    private static bool TryReadSnapshot(ref SpanReader reader, out SnapshotMeta? snapshot)
    {
        snapshot = null;
        if (!reader.TryReadVarint(out ulong index) || !reader.TryReadVarint(out ulong term)
            || !reader.TryReadVarint(out ulong configurationIndex)
            || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)
            || !ConfigurationCodec.TryDecode(bytes, out Configuration configuration))
            return false;
        ConfigurationEntry entry = new(new LogIndex(configurationIndex), configuration);
        snapshot = new SnapshotMeta(new LogIndex(index), new Term(term), entry);
        return true;
    }

    private static void WriteEntries(in RaftMessage message, IEntrySource entries, IBufferWriter<byte> writer)
    {
        Invariant.Assert(message.Entries.First == message.Index.Next);
        EntriesCodec.Write(message.Entries, entries, writer);
    }
}
