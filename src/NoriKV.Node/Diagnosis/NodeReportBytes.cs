using System.Buffers;
using Nori.Core;
using NoriKV.Node.Formation;
using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>
/// A <see cref="NodeReport"/> as the answer to PeerMethod.Diagnose (docs/formats/meta-messages.md), numbers as varints, words
/// behind their length:
/// <code>
/// format u8 = 1 | node | version | boot epoch | uptime ms | not ready | stall ms | flags u8: 1 disk well, 2 leads meta
/// | disk full | free bytes + 1 | reserve | syncs | p99 µs | longest µs | clock lead ms zigzag | certificate ends
/// | Unix ms | backlog | backlog max | unheard: count, each a node
/// | replicas: count, each: shard | flags u8: 1 leads, 2 damaged, 4 stopped | leader | term | last | why stopped, where it is
/// | silent: count, each: node | ms | moves: count, each: shard | words | ms | factor | effective factor | dead after ms
/// </code>
/// </summary>
internal static class NodeReportBytes
{
    private const byte Format = 1;
    private const int CountMax = Placement.KeyHash.TotalShardsMax + 1;

    // Words that explain: longer ones are cut, so that a report of many stopped replicas stays small.
    private const int WordsMax = 160;

    public static byte[] Encode(NodeReport report)
    {
        var writer = new ArrayBufferWriter<byte>(1024);
        writer.WriteByte(Format);
        writer.WriteVarint(report.Node.Value);
        writer.WriteText(Cut(report.Version));
        writer.WriteVarint(report.BootEpoch);
        Write(writer, report.UptimeMs);
        writer.WriteText(Cut(report.NotReady));
        Write(writer, report.StallMs);
        writer.WriteByte((byte)((report.IsDiskWell ? 1 : 0) | (report.LeadsMeta ? 2 : 0)));
        writer.WriteText(Cut(report.DiskFull));
        Write(writer, report.FreeBytes + 1);
        Write(writer, report.ReserveBytes);
        Write(writer, report.Syncs);
        Write(writer, report.SyncP99Us);
        Write(writer, report.SyncMaxUs);
        writer.WriteVarint((ulong)((report.ClockLeadMs << 1) ^ (report.ClockLeadMs >> 63)));
        Write(writer, report.CertificateEndsMs);
        Write(writer, report.UnixMs);
        Write(writer, report.BacklogBytes);
        Write(writer, report.BacklogBytesMax);
        Write(writer, report.Unheard.Count);
        foreach (NodeNumber node in report.Unheard) writer.WriteVarint(node.Value);
        Write(writer, report.Replicas.Count);
        foreach (ReplicaReport replica in report.Replicas) WriteReplica(writer, replica);
        Write(writer, report.Silent.Count);
        foreach ((NodeNumber node, long silentMs) in report.Silent)
        {
            writer.WriteVarint(node.Value);
            Write(writer, silentMs);
        }

        Write(writer, report.Moves.Count);
        foreach (MoveReport move in report.Moves)
        {
            writer.WriteVarint(move.Shard.Value);
            writer.WriteText(Cut(move.Words));
            Write(writer, move.StandsMs);
        }

        Write(writer, report.ReplicationFactor);
        Write(writer, report.EffectiveFactor);
        Write(writer, report.DeadAfterMs);
        return writer.WrittenSpan.ToArray();
    }

    public static NodeReport? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadVarint(out ulong node) || !reader.TryReadText(out string version)) return null;
        if (!reader.TryReadVarint(out ulong boot) || !Read(ref reader, out long uptime)) return null;
        if (!reader.TryReadText(out string notReady) || !Read(ref reader, out long stall)) return null;
        if (!reader.TryReadByte(out byte flags) || flags > 3 || !reader.TryReadText(out string full)) return null;
        if (!Read(ref reader, out long free) || !Read(ref reader, out long reserve)) return null;
        if (!reader.TryReadVarintInt32(out int syncs) || !Read(ref reader, out long p99)) return null;
        if (!Read(ref reader, out long longest) || !reader.TryReadVarint(out ulong lead)) return null;
        if (!Read(ref reader, out long ends) || !Read(ref reader, out long unix)) return null;
        if (!Read(ref reader, out long backlog) || !Read(ref reader, out long backlogMax)) return null;
        if (!TryReadNodes(ref reader, out List<NodeNumber> unheard)) return null;
        if (!TryReadReplicas(ref reader, out List<ReplicaReport> replicas)) return null;
        if (!TryReadSilent(ref reader, out List<(NodeNumber, long)> silent)) return null;
        if (!TryReadMoves(ref reader, out List<MoveReport> moves)) return null;
        if (!reader.TryReadVarintInt32(out int factor) || !reader.TryReadVarintInt32(out int effective)) return null;
        if (!Read(ref reader, out long deadAfter) || !reader.AtEnd) return null;
        return new NodeReport
        {
            Node = new NodeNumber(node), Version = version, BootEpoch = boot, UptimeMs = uptime, NotReady = notReady, StallMs = stall,
            IsDiskWell = (flags & 1) != 0, LeadsMeta = (flags & 2) != 0, DiskFull = full, FreeBytes = free - 1,
            ReserveBytes = reserve, Syncs = syncs, SyncP99Us = p99, SyncMaxUs = longest,
            ClockLeadMs = (long)(lead >> 1) ^ -(long)(lead & 1), CertificateEndsMs = ends, UnixMs = unix,
            BacklogBytes = backlog, BacklogBytesMax = backlogMax, Unheard = unheard, Replicas = replicas, Silent = silent,
            Moves = moves, ReplicationFactor = factor, EffectiveFactor = effective, DeadAfterMs = deadAfter,
        };
    }

    private static void WriteReplica(ArrayBufferWriter<byte> writer, in ReplicaReport replica)
    {
        bool isStopped = replica.Stopped.Length > 0;
        writer.WriteVarint(replica.Shard.Value);
        writer.WriteByte((byte)((replica.IsLeader ? 1 : 0) | (replica.IsDamaged ? 2 : 0) | (isStopped ? 4 : 0)));
        writer.WriteVarint(replica.Leader.Value);
        writer.WriteVarint(replica.Term.Value);
        writer.WriteVarint(replica.Last.Value);
        if (isStopped) writer.WriteText(Cut(replica.Stopped));
    }

    private static bool TryReadReplicas(ref SpanReader reader, out List<ReplicaReport> replicas)
    {
        replicas = [];
        if (!TryReadCount(ref reader, out int count)) return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarintInt32(out int shard) || !reader.TryReadByte(out byte flags) || flags > 7) return false;
            if (!reader.TryReadVarint(out ulong leader) || !reader.TryReadVarint(out ulong term)) return false;
            if (!reader.TryReadVarint(out ulong last)) return false;
            string stopped = "";
            if ((flags & 4) != 0 && !reader.TryReadText(out stopped)) return false;
            replicas.Add(new ReplicaReport(
                new ShardId((uint)shard), (flags & 1) != 0, (flags & 2) != 0, new NodeNumber(leader), new Term(term),
                new LogIndex(last), stopped));
        }

        return true;
    }

    private static bool TryReadNodes(ref SpanReader reader, out List<NodeNumber> nodes)
    {
        nodes = [];
        if (!TryReadCount(ref reader, out int count)) return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong node)) return false;
            nodes.Add(new NodeNumber(node));
        }

        return true;
    }

    private static bool TryReadSilent(ref SpanReader reader, out List<(NodeNumber, long)> silent)
    {
        silent = [];
        if (!TryReadCount(ref reader, out int count)) return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong node) || !Read(ref reader, out long ms)) return false;
            silent.Add((new NodeNumber(node), ms));
        }

        return true;
    }

    private static bool TryReadMoves(ref SpanReader reader, out List<MoveReport> moves)
    {
        moves = [];
        if (!TryReadCount(ref reader, out int count)) return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVarintInt32(out int shard) || !reader.TryReadText(out string words)) return false;
            if (!Read(ref reader, out long stands)) return false;
            moves.Add(new MoveReport(new ShardId((uint)shard), words, stands));
        }

        return true;
    }

    // Each element takes a byte at least: a count that cannot be true is none.
    private static bool TryReadCount(ref SpanReader reader, out int count) =>
        reader.TryReadVarintInt32(out count) && count <= CountMax && count <= reader.Remaining.Length;

    private static void Write(ArrayBufferWriter<byte> writer, long value) => writer.WriteVarint((ulong)Math.Max(0, value));

    private static bool Read(ref SpanReader reader, out long value)
    {
        bool ok = reader.TryReadVarint(out ulong raw) && raw <= long.MaxValue;
        value = ok ? (long)raw : 0;
        return ok;
    }

    private static string Cut(string words)
    {
        if (words.Length <= WordsMax) return words;
        int end = char.IsHighSurrogate(words[WordsMax - 1]) ? WordsMax - 1 : WordsMax;
        return string.Concat(words.AsSpan(0, end), "…");
    }
}
