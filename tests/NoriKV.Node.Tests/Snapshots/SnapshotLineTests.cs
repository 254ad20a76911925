using Nori.Core;
using Nori.IO;
using NoriKV.Node.Snapshots;
using NoriKV.Types;
using static NoriKV.Node.Tests.Snapshots.SnapshotPair;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>What a line, a slow or full receiver, a restart or a newer snapshot does to a stream.</summary>
public sealed class SnapshotLineTests
{
    private static readonly SnapshotOptions Small = new() { ChunkBytes = 1024, WindowBytes = 8 << 10, TableBytes = 8 << 10 };

    [Fact]
    public async Task A_line_that_loses_repeats_reorders_and_damages_frames_delivers_the_snapshot_in_the_end()
    {
        long damaged = 0, duplicate = 0, ahead = 0;
        for (ulong seed = 1; seed <= 25; seed++)
        {
            await using SnapshotPair pair = Filled(seed);
            pair.Fate = (_, frame) => Mangle(pair, frame);
            pair.Taker.Install(pair.Transfer());
            Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
            SnapshotCounters counters = pair.Taker.Exchange.Counters;
            damaged += counters.Damaged.Count;
            duplicate += counters.Duplicate.Count;
            ahead += counters.OutOfOrder.Count;
        }

        Assert.True(damaged > 20 && duplicate > 20 && ahead > 20, $"the line was too good: {damaged} {duplicate} {ahead}");
    }

    [Fact]
    public async Task Chunks_that_are_damaged_cut_foreign_or_of_no_known_stream_are_refused_and_counted()
    {
        await using SnapshotPair pair = Filled(3);
        byte[]? chunk = null;
        pair.Fate = (_, frame) =>
        {
            if (frame[1] != (byte)SnapshotFrameKind.Chunk || chunk is not null) return [frame];
            chunk = frame;
            return [Flip(frame, 60), frame[..^9], Foreign(frame), OfStream(frame, 99), frame];
        };
        pair.Taker.Install(pair.Transfer());
        SnapshotCounters counters = pair.Taker.Exchange.Counters;
        Assert.Equal(2, counters.Damaged.Count);
        Assert.Equal(1, counters.Foreign.Count);
        Assert.Equal(1, counters.Unknown.Count);
        Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
    }

    [Fact]
    public async Task A_frame_for_another_replica_is_dropped()
    {
        await using SnapshotPair pair = Filled(3);
        pair.Giver.Exchange.Begin(new ShardId(0), new ReplicaId(999), pair.Taker.Node, new Term(5), new LogIndex(1));
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1, ms: 500);
        Assert.False(pair.Giver.SentResults[0].IsDelivered);
        Assert.True(pair.Taker.Exchange.Counters.Foreign.Count > 1);
        Assert.Empty(pair.Taker.StagingFiles());
    }

    [Fact]
    public async Task A_stream_that_is_not_what_was_sent_is_not_installed()
    {
        await using SnapshotPair pair = Filled(4);
        // Damage before the checksum of the frame was made: only the checksum of the whole sees it.
        bool done = false;
        pair.Fate = (_, frame) =>
        {
            if (done || !IsChunk(frame, 3)) return [frame];
            done = true;
            return [Resealed(Flip(frame, SnapshotFrame.HeadBytes + 4 + 500))];
        };
        StagedTables staged = pair.Transfer();
        Assert.True(done);
        Assert.Equal(1, pair.Taker.Exchange.Counters.Mismatched.Count);
        pair.Taker.Install(staged);
        Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
    }

    [Fact]
    public async Task A_stream_that_is_always_damaged_is_given_up_and_leaves_nothing()
    {
        await using SnapshotPair pair = Filled(4);
        pair.Fate = (_, frame) => [IsChunk(frame, 1) ? Resealed(Flip(frame, 300)) : frame];
        pair.Begin();
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1, ms: 100);
        Assert.False(pair.Giver.SentResults[0].IsDelivered);
        Assert.Empty(pair.Taker.Staged);
        Assert.Empty(pair.Taker.StagingFiles());
        Assert.Equal(0, pair.Giver.Exchange.Outgoing);
    }

    [Fact]
    public async Task A_receiver_that_takes_nothing_bounds_the_senders_memory()
    {
        await using SnapshotPair pair = Filled(5, entries: 2000);
        int chunks = 0;
        bool open = false;
        pair.Fate = (_, frame) =>
        {
            if (!IsChunk(frame)) return [frame];
            chunks++;
            return open ? [frame] : [];
        };
        pair.Begin();
        for (int i = 0; i < 200; i++)
        {
            pair.Step();
            pair.Time.AdvanceMs(20);
            Assert.True(pair.Giver.Exchange.WindowBytes <= Small.WindowBytes + SnapshotFrame.ChunkOverheadBytes * 8);
        }

        Assert.InRange(chunks, 8, 8 * 6); // a window, and that again each second
        open = true;
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1);
        Assert.True(pair.Giver.SentResults[0].IsDelivered);
    }

    [Fact]
    public async Task A_lost_connection_goes_on_where_it_was()
    {
        await using SnapshotPair pair = Filled(6, entries: 2000);
        int chunks = 0;
        bool broken = false;
        pair.Fate = (_, frame) =>
        {
            if (broken) return [];
            if (IsChunk(frame)) chunks++;
            return [frame];
        };
        pair.Begin();
        pair.RunUntil(() => chunks > 40);
        broken = true;
        for (int i = 0; i < 50; i++, pair.Time.AdvanceMs(200)) pair.Step();
        broken = false;
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1);
        Assert.True(pair.Giver.SentResults[0].IsDelivered);
        long total = pair.Taker.Staged[0].State.Ledger.Total; // arrived whole
        Assert.True(total > 0);
        Assert.Equal(0, pair.Taker.Exchange.Counters.Discarded.Count);
    }

    [Fact]
    public async Task A_receiver_that_starts_again_gets_the_stream_anew_and_keeps_no_half_of_it()
    {
        await using SnapshotPair pair = Filled(7, entries: 1500);
        int chunks = 0;
        pair.Fate = (_, frame) => [.. Enumerable.Repeat(frame, IsChunk(frame) && chunks++ == 30 ? 0 : 1)];
        pair.Begin();
        pair.RunUntil(() => chunks > 30);
        Assert.Single(pair.Taker.StagingFiles());
        MemoryFileSystem left = ((MemoryFileSystem)pair.TakerFiles).Crash(9);
        SnapshotPeer old = pair.Taker;
        pair.Taker = pair.Wire(new SnapshotPeer(left, 2, pair.Time, 1, Small));
        Assert.Empty(pair.Taker.StagingFiles());
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1);
        pair.Taker.Install(pair.Taker.Staged[0]);
        Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
        await old.DisposeAsync();
    }

    [Fact]
    public async Task A_newer_snapshot_takes_the_place_of_one_on_its_way_and_an_older_one_does_not()
    {
        await using SnapshotPair pair = Filled(8, entries: 1500);
        int chunks = 0;
        byte[]? firstOffer = null;
        pair.Fate = (_, frame) =>
        {
            if (frame[1] == (byte)SnapshotFrameKind.Offer) firstOffer ??= frame;
            if (IsChunk(frame)) chunks++;
            return [frame];
        };
        pair.Begin();
        pair.RunUntil(() => chunks > 20);
        for (int i = 0; i < 10; i++) pair.Giver.Apply(Entry(9_000_000 + i, null, Put($"late{i}", "x")));
        pair.Begin(atLeast: pair.Giver.State().Applied.Value);
        pair.RunUntil(() => pair.Giver.Exchange.Counters.Failed.Count + pair.Taker.Exchange.Incoming > 0 && chunks > 60);
        pair.Wires.Add((pair.Taker, pair.Giver, firstOffer!));
        pair.RunUntil(() => pair.Taker.Staged.Count > 0);
        Assert.Equal(pair.Giver.State().Applied, pair.Taker.Staged[0].State.Applied);
        pair.Taker.Install(pair.Taker.Staged[0]);
        Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
        Assert.Equal(1, pair.Taker.Exchange.Counters.Discarded.Count);
        Assert.Empty(pair.Taker.StagingFiles());
    }

    [Fact]
    public async Task What_is_not_needed_is_not_sent_and_what_was_staged_can_be_discarded()
    {
        await using SnapshotPair pair = Filled(9);
        pair.Taker.NeedsWhen = _ => false;
        pair.Begin();
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1);
        Assert.False(pair.Giver.SentResults[0].IsDelivered);
        Assert.Empty(pair.Taker.StagingFiles());
        pair.Taker.NeedsWhen = null;
        StagedTables staged = pair.Transfer();
        Assert.Single(pair.Taker.StagingFiles());
        staged.Discard();
        Assert.Empty(pair.Taker.StagingFiles());
    }

    [Fact]
    public async Task No_more_streams_than_allowed_are_sent_or_received_at_a_time_and_all_arrive()
    {
        const int shards = 7;
        var options = Small with { OutgoingMax = 3, IncomingMax = 2 };
        await using var pair = new SnapshotPair(10, shards, options);
        for (uint shard = 0; shard < shards; shard++)
        {
            foreach (byte[] envelope in RandomLog(new Prng(shard + 1), 120)) pair.Giver.Apply(envelope, shard);
            pair.Begin(shard);
        }

        int mostOut = 0, mostIn = 0;
        pair.RunUntil(() =>
        {
            mostOut = Math.Max(mostOut, pair.Giver.Exchange.Outgoing);
            mostIn = Math.Max(mostIn, pair.Taker.Exchange.Incoming);
            return pair.Giver.SentResults.Count == shards;
        });
        Assert.All(pair.Giver.SentResults, r => Assert.True(r.IsDelivered));
        Assert.Equal(2, mostIn);
        Assert.InRange(mostOut, 2, 3);
        foreach (StagedTables staged in pair.Taker.Staged) pair.Taker.Install(staged);
        for (uint shard = 0; shard < shards; shard++) Assert.Equal(pair.Giver.Dump(shard), pair.Taker.Dump(shard));
    }

    [Fact]
    public async Task Bytes_a_second_are_kept_to()
    {
        await using SnapshotPair pair = Filled(11, entries: 2000, Small with { BytesPerSecond = 50_000 });
        long bytes = 0;
        pair.Fate = (_, frame) =>
        {
            if (IsChunk(frame)) bytes += frame.Length;
            return [frame];
        };
        long began = pair.Time.UnixMs;
        pair.Begin();
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1);
        double seconds = (pair.Time.UnixMs - began) / 1000.0;
        Assert.InRange(bytes / seconds, 25_000, 60_000);
    }

    [Fact]
    public async Task A_receiver_whose_disk_is_full_says_so_keeps_nothing_and_takes_it_later()
    {
        var files = new MemoryFileSystem(12);
        var faulty = new FaultInjectingFileSystem(files);
        await using var pair = new SnapshotPair(12, options: Small, takerFiles: faulty);
        foreach (byte[] envelope in RandomLog(new Prng(12), 300)) pair.Giver.Apply(envelope);
        FaultRule full = faulty.Add(new FaultRule
        {
            Operation = FileOperation.Write | FileOperation.Sync,
            PathPattern = "*/incoming/*",
            AfterCalls = 2,
            Times = FaultRule.Forever,
            Errno = Errno.NoSpace,
        });
        pair.Begin();
        pair.RunUntil(() => full.Matches > 3);
        Assert.Empty(pair.Taker.StagingFiles());
        faulty.ClearRules();
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1);
        pair.Taker.Install(pair.Taker.Staged[0]);
        Assert.Equal(pair.Giver.Dump(), pair.Taker.Dump());
    }

    [Fact]
    public async Task A_sender_that_vanished_is_forgotten_and_one_that_hears_nothing_gives_up()
    {
        await using SnapshotPair pair = Filled(13, entries: 1500);
        int chunks = 0;
        pair.Fate = (_, frame) => IsChunk(frame) && ++chunks > 20 ? [] : [frame];
        pair.Begin();
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1, ms: 500);
        pair.RunUntil(() => pair.Taker.Exchange.Incoming == 0, ms: 500);
        Assert.False(pair.Giver.SentResults[0].IsDelivered);
        Assert.Empty(pair.Taker.StagingFiles());
        Assert.Equal(0, pair.Giver.Storage.Engine.Stats.Snapshots); // the view is let go
    }

    [Fact]
    public async Task A_giver_whose_tables_cannot_be_read_gives_up_and_the_receiver_keeps_nothing()
    {
        await using SnapshotPair pair = Filled(15, entries: 1500);
        pair.Giver.Flush();
        IReadOnlyList<string> files = pair.GiverFiles.List($"{SnapshotPeer.Data}/engine");
        foreach (string table in files.Where(n => n.EndsWith(".sst", StringComparison.Ordinal)))
        {
            string path = $"{SnapshotPeer.Data}/engine/{table}";
            long length;
            using (IFile file = pair.GiverFiles.Open(path, FileOpen.Read)) length = file.Length;
            pair.GiverFiles.Corrupt(path, length / 2, 0x55);
        }

        pair.Begin();
        pair.RunUntil(() => pair.Giver.SentResults.Count == 1 && pair.Taker.Exchange.Incoming == 0, ms: 100);
        Assert.False(pair.Giver.SentResults[0].IsDelivered);
        Assert.Empty(pair.Taker.Staged);
        Assert.Empty(pair.Taker.StagingFiles());
    }

    [Fact]
    public async Task Slots_are_durable_before_one_is_used()
    {
        await using SnapshotPair pair = Filled(14);
        StagedTables staged = pair.Transfer();
        // Ingested tables do not wait for what was written before them: the record must be in tables already.
        MemoryFileSystem left = ((MemoryFileSystem)pair.TakerFiles).Crash(1, CrashMode.DropUnsynced);
        await using var peer = new SnapshotPeer(left, 2, pair.Time);
        Assert.True(peer.Storage.TryGet(NodeSlots.Key, out Ports.StoredEntry record));
        uint next = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(record.Value.Span[1..]);
        Assert.True(next > staged.State.Slot, $"{next} would be given again, {staged.State.Slot} was");
    }

    private static SnapshotPair Filled(ulong seed, int entries = 200, SnapshotOptions? options = null)
    {
        var pair = new SnapshotPair(seed, options: options ?? Small);
        foreach (byte[] envelope in RandomLog(new Prng(seed), entries, keys: 400)) pair.Giver.Apply(envelope);
        return pair;
    }

    private static IEnumerable<byte[]> Mangle(SnapshotPair pair, byte[] frame)
    {
        Prng random = pair.Random;
        if (random.Chance(0.1)) yield break;
        yield return random.Chance(0.05) ? Flip(frame, random.NextInt(frame.Length)) : frame;
        if (random.Chance(0.1)) yield return frame;
        if (pair.Wires.Count > 1 && random.Chance(0.3))
        {
            int i = random.NextInt(pair.Wires.Count), j = random.NextInt(pair.Wires.Count);
            (pair.Wires[i], pair.Wires[j]) = (pair.Wires[j], pair.Wires[i]);
        }
    }

    private static bool IsChunk(byte[] frame, int number = -1) => frame[1] == (byte)SnapshotFrameKind.Chunk
        && (number < 0 || BitConverter.ToInt32(frame, SnapshotFrame.HeadBytes) == number);

    private static byte[] Flip(byte[] frame, int at)
    {
        byte[] copy = [.. frame];
        copy[at] ^= 0x10;
        return copy;
    }

    private static byte[] Foreign(byte[] frame)
    {
        byte[] copy = [.. frame];
        copy[2] ^= 1;
        return Resealed(copy);
    }

    private static byte[] OfStream(byte[] frame, byte stream)
    {
        byte[] copy = [.. frame];
        copy[30] = stream;
        return Resealed(copy);
    }

    private static byte[] Resealed(byte[] frame)
    {
        BitConverter.TryWriteBytes(frame.AsSpan(frame.Length - 4), Crc32C.Compute(frame.AsSpan(0, frame.Length - 4)));
        return frame;
    }
}
