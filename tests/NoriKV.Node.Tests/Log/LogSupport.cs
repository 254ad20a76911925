using System.Text;
using Nori.IO;
using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Log;

internal static class LogSupport
{
    public const string Directory = "/raft";

    public static SharedLogOptions Options(IFileSystem files, long segmentBytes = 16 << 10) => new()
    {
        Directory = Directory,
        FileSystem = files,
        SegmentBytes = segmentBytes,
        EnvelopeBytesMax = 1 << 20,
        BatchBytesMax = 4 << 20,
        // Damage shall be damage; what blocks repair is tested with the WAL.
        RepairBlocks = false,
        Seed = 3,
    };

    public static ShardId Shard(uint shard) => new(shard);

    public static ReplicaId Replica(ulong replica) => new(replica);

    public static void Append(
        this SharedLog log, uint shard, ulong replica, ulong first, ulong last, ulong term, string text = "entry")
    {
        using var batch = new SharedLogBatch();
        for (ulong i = first; i <= last; i++)
        {
            batch.Append(new ShardId(shard), new ReplicaId(replica), new LogIndex(i), new Term(term), Envelope(i, term, text));
        }

        log.Write(batch);
    }

    public static void Write(this SharedLog log, Action<SharedLogBatch> fill)
    {
        using var batch = new SharedLogBatch();
        fill(batch);
        log.Write(batch);
    }

    /// <summary>Fills segments with a group of its own, so that the log rolls.</summary>
    public static void Fill(this SharedLog log, uint shard, int segments)
    {
        int target = log.Segments.Count + segments;
        ulong next = log.GroupState(new ShardId(shard))?.LastIndex.Value + 1 ?? 1;
        while (log.Segments.Count < target) log.Append(shard, 1, next, next++, 1, new string('f', 2000));
    }

    public static byte[] Envelope(ulong index, ulong term, string text) => Encoding.UTF8.GetBytes($"{text} {index}/{term}");

    public static List<string> Read(this SharedLog log, uint shard)
    {
        GroupState state = log.GroupState(new ShardId(shard))!.Value;
        var entries = new List<LogEntry>();
        log.ReadEntries(new ShardId(shard), state.FirstIndex, int.MaxValue, long.MaxValue, entries);
        Assert.Equal(state.Count, entries.Count);
        return entries.ConvertAll(entry => Encoding.UTF8.GetString(entry.Envelope.Span));
    }

    public static List<string> Entries(ulong first, ulong last, ulong term, string text = "entry")
    {
        var entries = new List<string>();
        for (ulong i = first; i <= last; i++) entries.Add($"{text} {i}/{term}");
        return entries;
    }

    /// <summary>Nothing is held by the engine, and every group but those named may let go of everything.</summary>
    public static GarbageReport Collect(this SharedLog log, params uint[] keep) => log.CollectGarbage(
        ulong.MaxValue,
        shard => new LogIndex(keep.Contains(shard.Value) ? 0UL : ulong.MaxValue),
        segmentsMax: 100);
}
