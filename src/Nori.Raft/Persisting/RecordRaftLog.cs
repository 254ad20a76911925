using System.Buffers;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>
/// A log on storage of one's own that has to do no more than append records and give them back in order: a file, a table, a queue.
/// What they say is this class's business; the entries themselves stay in memory as well.
/// </summary>
/// <remarks>
/// Called as an <see cref="IRaftLog"/> is. A record is never taken back, also where a snapshot has taken its place: storage that
/// must not grow for ever takes an <see cref="IRaftLog"/>, as the one of Nori.Raft.Adapters is.
/// </remarks>
public abstract class RecordRaftLog : IRaftLog
{
    private readonly MemoryRaftLog _entries = new();

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">A record is none of this log's.</exception>
    public RaftState? Open()
    {
        int number = 0;
        foreach (byte[] record in ReadRecords())
        {
            if (!RaftLogWriteCodec.TryRead(record, out RaftLogWrite write))
                throw new InvalidDataException($"Record {number} of {record.Length} bytes is no record of a Raft log");
            _entries.Write([write]);
            number++;
        }

        return _entries.Open();
    }

    /// <inheritdoc/>
    public void Write(IReadOnlyList<RaftLogWrite> writes)
    {
        ArgumentNullException.ThrowIfNull(writes);
        List<byte[]> records = new(writes.Count);
        bool mustSync = false;
        foreach (RaftLogWrite write in writes)
        {
            ArrayBufferWriter<byte> bytes = new();
            RaftLogWriteCodec.Write(write, bytes);
            records.Add(bytes.WrittenSpan.ToArray());
            mustSync |= write.MustSync;
        }

        AppendRecords(records, mustSync);
        _entries.Write(writes);
    }

    /// <inheritdoc/>
    public void Read(LogIndex first, LogIndex last, long bytesMax, List<RaftEntry> entries) =>
        _entries.Read(first, last, bytesMax, entries);

    /// <summary>Every record that was appended, in order; of what a crash cut, none behind the first that is not whole.</summary>
    protected abstract IEnumerable<byte[]> ReadRecords();

    /// <summary>Appends the records, each wholly or, if a crash intervenes, not at all, and none without those before it.</summary>
    /// <param name="records">One or more, in order.</param>
    /// <param name="mustSync">True: when it returns, they and all before them are durable.</param>
    protected abstract void AppendRecords(IReadOnlyList<byte[]> records, bool mustSync);
}
