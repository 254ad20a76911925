using Nori.Core;
using Nori.IO;
using Nori.Raft.Core;
using Nori.Wal;

namespace Nori.Raft.Adapters.Tests;

/// <summary>The log on the WAL: what was acknowledged survives every crash; damage is seen and never believed.</summary>
public sealed class WalRaftLogTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_crash_before_any_call_loses_no_entry_and_no_vote_that_was_acknowledged(ulong seed)
    {
        for (long call = 0; ; call++)
        {
            MemoryFileSystem memory = new(seed);
            FaultInjectingFileSystem files = new(memory);
            files.Add(new FaultRule { AfterCalls = call, Errno = 0, Action = _ => throw new StopException() });
            LogWorkload workload = new(files, seed);
            bool stopped = false;
            try
            {
                workload.Run(40);
            }
            catch (Exception e) when (e is StopException or { InnerException: StopException })
            {
                stopped = true;
            }

            foreach (CrashMode mode in Enum.GetValues<CrashMode>())
                workload.CheckAfter(memory.Crash(seed + (ulong)call, mode), $"seed {seed}, stop before call {call}, {mode}");
            if (!stopped) break;
        }
    }

    [Theory]
    [InlineData(FileOperation.Write, Errno.IO)]
    [InlineData(FileOperation.Write, Errno.NoSpace)]
    [InlineData(FileOperation.Sync, Errno.IO)]
    [InlineData(FileOperation.SyncDirectory, Errno.IO)]
    [InlineData(FileOperation.Delete, Errno.IO)]
    public void A_fault_at_any_call_throws_and_loses_nothing(FileOperation operation, int errno)
    {
        const ulong seed = 9;
        for (long call = 0; ; call++)
        {
            MemoryFileSystem memory = new(seed);
            FaultInjectingFileSystem files = new(memory);
            FaultRule rule = files.Add(new FaultRule { Operation = operation, AfterCalls = call, Errno = errno });
            LogWorkload workload = new(files, seed);
            try
            {
                workload.Run(40);
            }
            catch (IOException e) when (e is StorageException or WalFailedException)
            {
                // The node ends with it.
            }

            workload.CheckAfter(memory.Crash(seed + (ulong)call), $"{operation} fails with errno {errno} at call {call}");
            if (rule.Matches <= call) break;
        }
    }

    [Fact]
    public void Old_segments_go_once_the_log_is_cut()
    {
        MemoryFileSystem files = new(1);
        using WalRaftLog log = WalRaftLog.Open(LogWorkload.Options(files));
        log.Write([New(Base(0))]);
        for (ulong i = 1; i <= 400; i++) log.Write([New(null, Entry(i, 1, 200))]);
        int before = log.Segments.Count;
        Assert.True(before > 3, $"{before} segments");
        log.Write([New(Base(390, 1))]);
        Assert.InRange(log.Segments.Count, 1, 2);
        List<RaftEntry> read = [];
        log.Read(new LogIndex(391), new LogIndex(400), 1 << 20, read);
        Assert.Equal(Enumerable.Range(391, 10).Select(i => (ulong)i), read.Select(e => e.Index.Value));
        using WalRaftLog again = WalRaftLog.Open(LogWorkload.Options(files.Crash(1, CrashMode.DropUnsynced)));
        RaftState state = again.Open()!;
        Assert.Equal((390ul, 400ul), (state.BaseIndex.Value, state.LastIndex.Value));
    }

    [Fact]
    public void Reads_are_bounded_by_bytes_and_bring_one_entry_at_least()
    {
        using WalRaftLog log = WalRaftLog.Open(LogWorkload.Options(new MemoryFileSystem(1)));
        log.Write([New(Base(0)), New(null, [.. Enumerable.Range(1, 50).Select(i => Entry((ulong)i, 1, 100))])]);
        List<RaftEntry> read = [];
        log.Read(new LogIndex(7), new LogIndex(50), 1, read);
        Assert.Equal([7ul], read.Select(e => e.Index.Value));
        read.Clear();
        log.Read(new LogIndex(7), new LogIndex(50), 1000, read);
        Assert.InRange(read.Count, 7, 9);
        read.Clear();
        log.Read(new LogIndex(7), new LogIndex(50), 1 << 20, read);
        Assert.Equal(44, read.Count);
    }

    // Entries behind the damage were written on top of what it hides, which may have replaced entries before it: joined
    // together they would make a log that nobody ever had.
    [Fact]
    public void Behind_damage_nothing_counts_and_the_log_says_that_it_is_damaged_until_it_is_healed()
    {
        MemoryFileSystem files = new(1);
        using (WalRaftLog log = WalRaftLog.Open(LogWorkload.Options(files)))
        {
            log.Write([New(Base(0))]);
            for (ulong i = 1; i <= 5; i++) log.Write([New(null, Entry(i, 1, 60))]);
            log.Write([New(null, Entry(4, 3, 61), Entry(5, 3, 61), Entry(6, 3, 61))]);
            log.Write([New(null, Entry(6, 4, 62)) with { HardState = new HardState(new Term(4), new ReplicaId(2), default) }]);
        }

        // The record that replaced 4 and 5.
        Damage(files, Entry(6, 3, 61));
        for (int start = 0; start < 3; start++)
        {
            using WalRaftLog damaged = WalRaftLog.Open(LogWorkload.Options(files));
            RaftState state = damaged.Open()!;
            Assert.True(state.IsDamaged);
            Assert.Equal(new LogIndex(5), state.LastIndex);
            Assert.Equal(new Term(1), state.Terms[^1].Term);
            Assert.Equal((new Term(4), new ReplicaId(2)), (state.HardState.Term, state.HardState.Vote));
        }

        using (WalRaftLog healing = WalRaftLog.Open(LogWorkload.Options(files)))
        {
            healing.Write([New(null, Entry(4, 3, 61), Entry(5, 3, 61), Entry(6, 4, 62))]);
            healing.Write([new RaftLogWrite { IsDamaged = false, MustSync = true }]);
        }

        using WalRaftLog healed = WalRaftLog.Open(LogWorkload.Options(files));
        RaftState whole = healed.Open()!;
        Assert.False(whole.IsDamaged);
        Assert.Equal(new LogIndex(6), whole.LastIndex);
        Assert.Equal([1ul, 3, 4], whole.Terms.Select(t => t.Term.Value));
    }

    [Fact]
    public void Damage_that_may_hide_the_newest_vote_is_not_opened()
    {
        MemoryFileSystem files = new(1);
        using (WalRaftLog log = WalRaftLog.Open(LogWorkload.Options(files)))
        {
            log.Write([New(Base(0)), New(null, Entry(1, 1, 10))]);
            log.Write([new RaftLogWrite { HardState = new HardState(new Term(7), new ReplicaId(3), default), MustSync = true }]);
            log.Write([New(null, Entry(2, 7, 60))]);
        }

        Damage(files, Entry(2, 7, 60));
        CorruptionException e = Assert.Throws<CorruptionException>(() => WalRaftLog.Open(LogWorkload.Options(files)));
        Assert.Contains("vote", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_last_synced_record_is_told_from_a_torn_end_once_the_log_was_idle()
    {
        MemoryFileSystem files = new(1);
        WalRaftLog log = WalRaftLog.Open(LogWorkload.Options(files));
        log.Write([New(Base(0)), New(null, Entry(1, 1, 60))]);
        log.Write([New(null, Entry(2, 1, 61))]);
        log.OnIdle();
        MemoryFileSystem crashed = files.Crash(1, CrashMode.ProcessOnly);
        Damage(crashed, Entry(2, 1, 61));
        Assert.Throws<CorruptionException>(() => WalRaftLog.Open(LogWorkload.Options(crashed)));
        log.Dispose();
    }

    // One damaged sector is no loss: not even where nothing behind it says that it was synced.
    [Fact]
    public void A_flipped_bit_in_the_last_synced_record_is_put_right()
    {
        MemoryFileSystem files = new(1);
        WalRaftLog log = WalRaftLog.Open(LogWorkload.Options(files));
        log.Write([New(Base(0)), New(null, Entry(1, 1, 60))]);
        log.Write([New(null, Entry(2, 1, 61)) with { HardState = new HardState(new Term(1), new ReplicaId(3), default) }]);
        MemoryFileSystem crashed = files.Crash(1, CrashMode.ProcessOnly);
        Flip(crashed, Find(crashed, Entry(2, 1, 61)));
        using WalRaftLog mended = WalRaftLog.Open(LogWorkload.Options(crashed));
        RaftState state = mended.Open()!;
        Assert.False(state.IsDamaged);
        Assert.Equal(new LogIndex(2), state.LastIndex);
        Assert.Equal(new ReplicaId(3), state.HardState.Vote);
        log.Dispose();
    }

    [Fact]
    public void Bytes_of_strangers_are_a_write_or_refused()
    {
        Prng random = new(5);
        int taken = 0;
        System.Buffers.ArrayBufferWriter<byte> writer = new();
        for (int i = 0; i < 30_000; i++)
        {
            writer.ResetWrittenCount();
            RaftLogWriteCodec.Write(LogWorkload.Random(random), writer);
            byte[] bytes = writer.WrittenSpan.ToArray();
            if (i % 3 == 0) bytes = bytes[..random.NextInt(bytes.Length)];
            else bytes[random.NextInt(bytes.Length)] = (byte)random.NextUInt32();
            if (!RaftLogWriteCodec.TryRead(bytes, out RaftLogWrite write)) continue;
            taken++;
            writer.ResetWrittenCount();
            RaftLogWriteCodec.Write(write, writer);
            Assert.True(RaftLogWriteCodec.TryRead(writer.WrittenSpan, out RaftLogWrite again));
            Assert.Equal(write.Entries.Count, again.Entries.Count);
            Assert.Equal((write.HardState, write.IsDamaged), (again.HardState, again.IsDamaged));
        }

        Assert.InRange(taken, 3000, 27_000);
    }

    private static RaftLogBase Base(ulong index, ulong term = 0) => new(
        new LogIndex(index), new Term(term), new ConfigurationEntry(default, new Configuration([new ReplicaId(1)])), false);

    private static RaftLogWrite New(RaftLogBase? start, params RaftEntry[] entries) => new()
    {
        Base = start,
        Entries = entries,
        HardState = entries.Length > 0 ? new HardState(entries[^1].Term, default, default) : null,
        MustSync = true,
    };

    private static RaftEntry Entry(ulong index, ulong term, int bytes)
    {
        byte[] data = new byte[bytes];
        data.AsSpan().Fill((byte)(index + (16 * term)));
        return new RaftEntry(new LogIndex(index), new Term(term), EntryType.Normal, data);
    }

    private static (string Path, int Offset) Find(MemoryFileSystem files, RaftEntry entry)
    {
        foreach (string name in files.List("/log").Where(n => n.EndsWith(".wal", StringComparison.Ordinal)))
        {
            int at = files.ReadAllBytes("/log/" + name).AsSpan().IndexOf(entry.Data.Span);
            if (at >= 0) return ("/log/" + name, at);
        }

        throw new InvalidOperationException("the entry is not there");
    }

    // In the record and in what it would be put right from: the parity over a single sector is a copy of it.
    private static void Damage(MemoryFileSystem files, RaftEntry entry)
    {
        (string path, int offset) = Find(files, entry);
        int copy = files.ReadAllBytes(path).AsSpan().LastIndexOf(entry.Data.Span);
        Assert.True(copy > offset);
        Flip(files, (path, offset));
        Flip(files, (path, copy));
    }

    private static void Flip(MemoryFileSystem files, (string Path, int Offset) place)
    {
        using IFile file = files.Open(place.Path, FileOpen.ReadWrite);
        byte[] one = new byte[1];
        file.Read(place.Offset, one);
        one[0] ^= 4;
        file.Write(place.Offset, one);
        file.Sync();
    }

    private sealed class StopException : Exception;
}
