using System.Buffers;
using Nori.Core;
using Nori.IO;
using Nori.SSTable;
using NoriKV.Node.Machine;
using NoriKV.Node.Snapshots;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>The decoders of frames and records, given everything but what was written.</summary>
public sealed class SnapshotFrameTests
{
    private static readonly SnapshotStreamId Stream = new(new ShardId(3), new ReplicaId(40), new ReplicaId(50), 0x1234_0000_0007);

    private static readonly Raft.SnapshotMeta Meta = new(
        new Raft.LogIndex(100), new Raft.Term(4),
        new Raft.ConfigurationEntry(
            new Raft.LogIndex(9),
            new Raft.Configuration(
                [new Raft.ReplicaId(40), new Raft.ReplicaId(50)], [new Raft.ReplicaId(60)],
                [new Raft.ReplicaId(40), new Raft.ReplicaId(70)], [new Raft.ReplicaId(70)])));

    [Fact]
    public void What_was_written_is_read()
    {
        SnapshotFrame offer = Read(SnapshotFrame.Offer(7, Stream, new Term(6), Meta));
        Assert.Equal((SnapshotFrameKind.Offer, Stream, new Term(6), Meta), (offer.Kind, offer.Stream, offer.LeaderTerm, offer.Meta));
        SnapshotFrame chunk = Read(SnapshotFrame.Chunk(7, Stream, 12, [1, 2, 3]));
        Assert.Equal((12u, "010203"), (chunk.Number, Convert.ToHexString(chunk.Payload.Span)));
        var totals = new SnapshotTotals(5, 6, 7, 8);
        Assert.Equal(totals, Read(SnapshotFrame.Last(7, Stream, totals)).Totals);
        SnapshotFrame progress = Read(SnapshotFrame.Progress(7, Stream, 9, isMissing: true));
        Assert.Equal((9u, true), (progress.Number, progress.IsMissing));
        Assert.Equal(SnapshotRefusal.NoSpace, Read(SnapshotFrame.Refuse(7, Stream, SnapshotRefusal.NoSpace)).Refusal);
        Assert.Equal(SnapshotFrameKind.Done, Read(SnapshotFrame.Bare(SnapshotFrameKind.Done, 7, Stream)).Kind);
        Assert.Equal(SnapshotFrameFault.Foreign, SnapshotFrame.TryDecode(SnapshotFrame.Chunk(8, Stream, 1, [1]), 7, out _));
        byte[] later = SnapshotFrame.Chunk(7, Stream, 1, [1]);
        later[0] = 2;
        Assert.Equal(SnapshotFrameFault.UnknownFormat, SnapshotFrame.TryDecode(later, 7, out _));
    }

    [Fact]
    public void A_mutated_frame_is_refused_or_says_something_that_can_be_said()
    {
        var random = new Prng(1);
        byte[][] frames =
        [
            SnapshotFrame.Offer(7, Stream, new Term(6), Meta), SnapshotFrame.Chunk(7, Stream, 1, new byte[200]),
            SnapshotFrame.Last(7, Stream, new SnapshotTotals(1, 2, 3, 4)), SnapshotFrame.Progress(7, Stream, 1, false),
            SnapshotFrame.Refuse(7, Stream, SnapshotRefusal.Busy), SnapshotFrame.Bare(SnapshotFrameKind.Cancel, 7, Stream),
        ];
        int taken = 0;
        for (int i = 0; i < 60_000; i++)
        {
            byte[] frame = [.. frames[random.NextInt(frames.Length)]];
            int length = random.Chance(0.2) ? random.NextInt(frame.Length + 1) : frame.Length;
            Array.Resize(ref frame, random.Chance(0.1) ? length + random.NextInt(20) : length);
            for (int n = random.NextInt(4); n > 0 && frame.Length > 0; n--) frame[random.NextInt(frame.Length)] = (byte)random.NextUInt32();
            if (random.Chance(0.7) && frame.Length > 8)
            {
                // Sealed again, so that what lies behind the checksum is read as well.
                BitConverter.TryWriteBytes(frame.AsSpan(frame.Length - 4), Crc32C.Compute(frame.AsSpan(0, frame.Length - 4)));
            }

            if (SnapshotFrame.TryDecode(frame, 7, out SnapshotFrame read) != SnapshotFrameFault.None) continue;
            taken++;
            Assert.InRange((byte)read.Kind, (byte)1, (byte)7);
            if (read.Kind == SnapshotFrameKind.Offer) Assert.True(read.Meta!.Index.Value > 0 && read.Meta.Term.Value > 0);
        }

        Assert.True(taken > 1000, $"only {taken} were taken: the mutations are too wild");
    }

    [Fact]
    public void A_mutated_stream_is_refused_and_never_asks_for_memory_that_did_not_come()
    {
        var random = new Prng(2);
        byte[] whole = WholeStream();
        int refused = 0;
        for (int i = 0; i < 3000; i++)
        {
            byte[] bytes = [.. whole];
            for (int n = random.NextInt(1, 4); n > 0; n--) bytes[random.NextInt(bytes.Length)] = (byte)random.NextUInt32();
            var staging = new SnapshotStaging(new MemoryFileSystem(1), "/data");
            var tables = new SnapshotTables(staging, 9, new TableOptions());
            var stream = new IncomingSnapshot(Stream, new NodeNumber(1), new Term(6), Meta, tables, 9, 600_000);
            bool isGood = true;
            for (int at = 0; isGood && at < bytes.Length; at += 97)
            {
                isGood = stream.TryTake(bytes.AsSpan(at, Math.Min(97, bytes.Length - at)));
            }

            if (!isGood || stream.Finish(Totals(whole), null!, staging) is null) refused++;
            stream.Abandon();
        }

        Assert.InRange(refused, 2900, 3000); // a byte may be replaced by itself
    }

    [Fact]
    public void A_stream_is_taken_as_it_was_sent_in_chunks_of_any_size()
    {
        byte[] whole = WholeStream();
        foreach (int size in new[] { 1, 7, 64, 1000, whole.Length })
        {
            var staging = new SnapshotStaging(new MemoryFileSystem(1), "/data");
            var tables = new SnapshotTables(staging, 9, new TableOptions());
            var stream = new IncomingSnapshot(Stream, new NodeNumber(1), new Term(6), Meta, tables, 9, 600_000);
            SnapshotTotals totals = default;
            for (int at = 0; at < whole.Length; at += size)
            {
                ReadOnlySpan<byte> payload = whole.AsSpan(at, Math.Min(size, whole.Length - at));
                totals = totals.Add(payload);
                Assert.True(stream.TryTake(payload));
            }

            StagedTables? staged = stream.Finish(totals with { Records = 31 }, null!, staging);
            Assert.NotNull(staged);
            Assert.Equal(new ReplicaId(50), staged.State.Replica);
            Assert.Equal((9u, new LogIndex(100), new LogIndex(100)), (staged.State.Slot, staged.State.Applied, staged.State.BaseIndex));
        }
    }

    private static SnapshotTotals Totals(byte[] whole)
    {
        SnapshotTotals totals = default;
        for (int at = 0; at < whole.Length; at += 97) totals = totals.Add(whole.AsSpan(at, Math.Min(97, whole.Length - at)));
        return totals with { Records = 31 };
    }

    private static byte[] WholeStream()
    {
        var state = new ShardState(new ShardId(3), new ReplicaId(40), 1, 600_000)
        {
            Applied = new LogIndex(100),
            AppliedTerm = new Term(4),
            ShardTime = 12345,
        };
        byte[] record = new byte[state.EncodedBytesMax];
        var writer = new ArrayBufferWriter<byte>();
        SnapshotRecord.WriteState(writer, record.AsSpan(0, state.Encode(record)));
        for (int i = 0; i < 30; i++)
        {
            EngineKeyKind kind = i < 10 ? EngineKeyKind.Session : EngineKeyKind.User;
            SnapshotRecord.WritePair(writer, kind, SteppedNode.Bytes($"key{i:D3}"), new byte[i * 3], i % 3 == 0 ? 99_999 : 0);
        }

        return writer.WrittenSpan.ToArray();
    }

    private static SnapshotFrame Read(byte[] bytes)
    {
        Assert.Equal(SnapshotFrameFault.None, SnapshotFrame.TryDecode(bytes, 7, out SnapshotFrame frame));
        return frame;
    }
}
