using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Log;

/// <summary>
/// Damage of what was durable (faults.md §2): nothing that may be wrong is kept, what was lost is noted durably, a replica
/// that may have forgotten its vote never comes back, and the others serve.
/// </summary>
public sealed class SharedLogDamageTests
{
    private static readonly ExpectedReplica[] Three =
    [
        new(new ShardId(1), new ReplicaId(1), default, default),
        new(new ShardId(2), new ReplicaId(2), default, default),
        new(new ShardId(3), new ReplicaId(3), default, default),
    ];

    [Fact]
    public void A_flipped_bit_in_the_last_synced_batch_is_no_torn_tail()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 1, 1, 3, term: 1);
        using var last = new SharedLogBatch();
        last.Append(new ShardId(1), new ReplicaId(1), new LogIndex(4), new Term(1), "confirmed"u8);
        ulong place = log.Write(last);
        log.Sync();
        log.WriteDurableMark();
        MemoryFileSystem left = files.Crash(5, CrashMode.ProcessOnly);
        Flip(left, place);
        Assert.Throws<CorruptionException>(() => SharedLog.Open(LogSupport.Options(left), out _));
        log = SharedLog.Open(Reporting(left), out SharedLogRecovery recovery);
        Assert.Equal(new ReplicaId(1), Assert.Single(recovery.Suspects).Replica);
        log.Dispose();
    }

    [Fact]
    public void A_flipped_bit_in_the_last_synced_batch_costs_nothing_without_any_mark_behind_it()
    {
        var files = new MemoryFileSystem();
        SharedLogOptions options = LogSupport.Options(files) with { RepairBlocks = new SharedLogOptions { Directory = "/" }.RepairBlocks };
        SharedLog log = SharedLog.Open(options, out _);
        log.Append(1, 1, 1, 3, term: 1);
        log.Write(b => b.HardState(new ShardId(1), new ReplicaId(1), new Term(2), new ReplicaId(9), default));
        ulong place = log.LastWatermark;
        log.Sync();
        for (int offset = -48; offset < 60; offset += 3)
        {
            MemoryFileSystem left = files.Crash(5, CrashMode.DropUnsynced);
            left.Corrupt($"{LogSupport.Directory}/{place >> 32:D20}.wal", (long)(place & uint.MaxValue) + offset, 4);
            using SharedLog again = SharedLog.Open(options with { FileSystem = left }, out SharedLogRecovery recovery);
            Assert.Empty(recovery.Suspects);
            Assert.Equal(new ReplicaId(9), again.GroupState(new ShardId(1))!.Value.HardState!.Value.Vote);
        }
    }

    [Fact]
    public void Lost_entries_are_cut_off_and_marked_until_healed_and_other_groups_are_whole()
    {
        MemoryFileSystem files = WithDamage(out _);
        SharedLog log = SharedLog.Open(Reporting(files), out SharedLogRecovery recovery);
        Assert.Equal([2u], recovery.Suspects.Select(s => s.Shard.Value));
        log.Contain(Three);
        CheckDamaged(log);

        // Whatever happens now, the mark stays: a crash, writes, copies at the beginning of segments.
        MemoryFileSystem crashed = files.Crash(3, CrashMode.DropUnsynced);
        log.Dispose();
        log = SharedLog.Open(Reporting(crashed), out recovery);
        Assert.Empty(recovery.Suspects); // the damage is still there, and was answered for
        log.Contain(Three);
        CheckDamaged(log);
        log.Append(2, 2, 4, 9, term: 3);
        log.Write(b => b.HardState(new ShardId(2), new ReplicaId(2), new Term(3), default, new LogIndex(6)));
        log.Fill(77, 3);
        log.Collect(keep: 2);
        log.Sync();
        Assert.Equal(LogDamage.Entries, log.GroupState(new ShardId(2))!.Value.Damage);
        crashed = crashed.Crash(4, CrashMode.DropUnsynced);
        log.Dispose();
        log = SharedLog.Open(Reporting(crashed), out recovery);
        Assert.Empty(recovery.Wal.Damage); // that segment is gone
        Assert.Equal(LogDamage.Entries, log.GroupState(new ShardId(2))!.Value.Damage);
        Assert.Equal(new LogIndex(9), log.GroupState(new ShardId(2))!.Value.LastIndex);

        log.Heal(new ShardId(2), new ReplicaId(2));
        log.Sync();
        crashed = crashed.Crash(5, CrashMode.DropUnsynced);
        log.Dispose();
        log = SharedLog.Open(LogSupport.Options(crashed), out recovery);
        Assert.Empty(recovery.Suspects);
        Assert.Equal(LogDamage.None, log.GroupState(new ShardId(2))!.Value.Damage);
        Assert.Equal(new Term(3), log.GroupState(new ShardId(2))!.Value.HardState!.Value.Term);
        log.Dispose();
    }

    [Fact]
    public void A_replica_whose_newest_hard_state_may_be_damaged_never_comes_back_and_the_reason_names_the_place()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        for (uint shard = 1; shard <= 2; shard++) log.Append(shard, shard, 1, 3, term: 1);
        using var vote = new SharedLogBatch();
        vote.HardState(new ShardId(1), new ReplicaId(1), new Term(5), new ReplicaId(9), default);
        ulong place = log.Write(vote);
        for (uint shard = 2; shard <= 2; shard++)
        {
            log.Append(shard, shard, 4, 4, term: 1);
            log.Write(b => b.HardState(new ShardId(2), new ReplicaId(2), new Term(1), default, new LogIndex(4)));
        }

        log.Sync();
        log.Close();
        Flip(files, place);
        for (int start = 0; start < 4; start++)
        {
            log = SharedLog.Open(Reporting(files), out _);
            log.Contain(Three); // replica 3 has left no trace
            foreach (uint shard in new[] { 1u, 3u })
            {
                GroupState state = log.GroupState(new ShardId(shard))!.Value;
                Assert.Equal(LogDamage.HardState, state.Damage);
                string why = LogDamageText.NeverBack(LogSupport.Directory, state);
                Assert.Contains($"{LogSupport.Directory}/{place >> 32:D20}.wal at offset", why, StringComparison.Ordinal);
                Assert.Contains("new id", why, StringComparison.Ordinal);
            }

            Assert.Equal(LogDamage.None, log.GroupState(new ShardId(2))!.Value.Damage);
            Assert.Equal(LogSupport.Entries(1, 4, 1), log.Read(2));

            // Its copies at the beginning of the segments to come must not pass for the newest.
            log.Fill(77, 2);
            log.Collect(keep: 2);
            log.Sync();
            MemoryFileSystem crashed = files.Crash((ulong)start, CrashMode.DropUnsynced);
            log.Dispose();
            files = crashed;
        }
    }

    [Fact]
    public void Entries_that_damage_may_have_replaced_are_not_kept_unless_what_follows_proves_them()
    {
        // 3–5 of term 1 are on disk; the damage holds 3–5 of term 2; then 6 follows.
        foreach ((ulong next, bool isProven) in new[] { (2ul, false), (1ul, true) })
        {
            var files = new MemoryFileSystem();
            SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
            log.Append(1, 1, 1, 5, term: 1);
            log.Write(b => b.HardState(new ShardId(1), new ReplicaId(1), new Term(2), default, new LogIndex(2)));
            using var victim = new SharedLogBatch();
            if (isProven) victim.Append(new ShardId(9), new ReplicaId(9), new LogIndex(1), new Term(1), "another's"u8);
            else for (ulong i = 3; i <= 5; i++) victim.Append(new ShardId(1), new ReplicaId(1), new LogIndex(i), new Term(2), "x"u8);
            ulong place = log.Write(victim);
            log.Append(1, 1, 6, 6, term: next);
            log.Write(b => b.HardState(new ShardId(1), new ReplicaId(1), new Term(2), default, new LogIndex(6)));
            log.Sync();
            log.Close();
            Flip(files, place);
            log = SharedLog.Open(Reporting(files), out _);
            log.Contain([Three[0]]);
            GroupState state = log.GroupState(new ShardId(1))!.Value;
            Assert.Equal(isProven ? LogDamage.None : LogDamage.Entries, state.Damage);
            Assert.Equal(isProven ? 6u : 2u, state.LastIndex.Value);
            log.Dispose();
        }
    }

    [Fact]
    public void A_mark_answers_for_damage_before_it_and_its_copies_for_none()
    {
        MemoryFileSystem files = WithDamage(out _);
        SharedLog log = SharedLog.Open(Reporting(files), out _);
        log.Contain(Three);
        log.Append(2, 2, 4, 6, term: 3);
        using var victim = new SharedLogBatch();
        for (ulong i = 5; i <= 6; i++) victim.Append(new ShardId(2), new ReplicaId(2), new LogIndex(i), new Term(4), "x"u8);
        ulong place = log.Write(victim);
        log.Append(2, 2, 7, 7, term: 4);
        foreach (ExpectedReplica each in Three)
        {
            log.Write(b => b.HardState(each.Shard, each.Replica, new Term(4), default, new LogIndex(3)));
        }

        log.Fill(77, 2); // the new segments begin with copies, the mark's among them
        log.Sync();
        log.Close();
        Flip(files, place);
        log = SharedLog.Open(Reporting(files), out SharedLogRecovery recovery);
        Assert.Contains(recovery.Suspects, s => s.Shard.Value == 2);
        log.Contain(Three);
        GroupState state = log.GroupState(new ShardId(2))!.Value;
        Assert.Equal((LogDamage.Entries, 3ul), (state.Damage, state.LastIndex.Value));
        log.Dispose();
    }

    [Fact]
    public void What_tables_hold_need_not_be_in_the_log()
    {
        MemoryFileSystem files = WithDamage(out _);
        SharedLog log = SharedLog.Open(Reporting(files), out _);
        ExpectedReplica[] expected = [Three[0], Three[1] with { Applied = new LogIndex(5), AppliedTerm = new Term(2) }, Three[2]];
        log.Contain(expected);
        GroupState state = log.GroupState(new ShardId(2))!.Value;
        Assert.Equal((5ul, 6ul, LogDamage.Entries), (state.PrefixIndex.Value, state.LastIndex.Value, state.Damage));
        log.Dispose();
    }

    [Fact]
    public void Nothing_is_written_before_damage_was_answered_for()
    {
        MemoryFileSystem files = WithDamage(out _);
        SharedLog log = SharedLog.Open(Reporting(files), out _);
        Assert.Throws<InvariantException>(() => log.Append(1, 1, 4, 4, term: 1));
        log.Dispose();
    }

    [Fact]
    public void A_crash_while_damage_is_answered_for_loses_neither_the_mark_nor_what_was_kept()
    {
        for (int call = 0; call < 40; call++)
        {
            MemoryFileSystem files = WithDamage(out _);
            var faulty = new FaultInjectingFileSystem(files);
            MemoryFileSystem? crashed = null;
            faulty.Add(new FaultRule
            {
                Operation = FileOperation.Mutations,
                AfterCalls = call,
                Times = 1,
                Errno = 0,
                Action = _ => crashed ??= files.Crash((ulong)call),
            });
            SharedLog log = SharedLog.Open(Reporting(faulty), out _);
            log.Contain(Three);
            log.Dispose();
            if (crashed is null) return;
            log = SharedLog.Open(Reporting(crashed), out _);
            log.Contain(Three);
            CheckDamaged(log);
            log.Dispose();
        }

        Assert.Fail("there is no end to the calls");
    }

    /// <summary>Entries 4–5 of shard 2 are unreadable; 6 follows, and the other shards went on.</summary>
    private static MemoryFileSystem WithDamage(out ulong place)
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        for (uint shard = 1; shard <= 3; shard++) log.Append(shard, shard, 1, 3, term: 2);
        using var victim = new SharedLogBatch();
        victim.Append(new ShardId(2), new ReplicaId(2), new LogIndex(4), new Term(2), "lost"u8);
        victim.Append(new ShardId(2), new ReplicaId(2), new LogIndex(5), new Term(2), "lost"u8);
        place = log.Write(victim);
        log.Append(2, 2, 6, 6, term: 2);
        for (uint shard = 1; shard <= 3; shard++)
        {
            uint s = shard;
            if (s != 2) log.Append(s, s, 4, 4, term: 2);
            log.Write(b => b.HardState(new ShardId(s), new ReplicaId(s), new Term(2), new ReplicaId(8), new LogIndex(3)));
        }

        log.Sync();
        log.Close();
        Flip(files, place);
        return files;
    }

    private static void CheckDamaged(SharedLog log)
    {
        GroupState state = log.GroupState(new ShardId(2))!.Value;
        Assert.Equal((LogDamage.Entries, 3ul), (state.Damage, state.LastIndex.Value));
        Assert.Equal(new HardState(new Term(2), new ReplicaId(8), new LogIndex(3)), state.HardState);
        Assert.Equal(LogSupport.Entries(1, 3, 2), log.Read(2));
        foreach (uint whole in new[] { 1u, 3u })
        {
            Assert.Equal(LogDamage.None, log.GroupState(new ShardId(whole))!.Value.Damage);
            Assert.Equal(LogSupport.Entries(1, 4, 2), log.Read(whole));
            // All that is there is durable, each entry by its own place: a table with it must not wait for the log.
        for (ulong i = 1; i <= 9; i++)
        {
            if (log.TryReadEntry(new ShardId(2), new LogIndex(i), out LogEntry kept)) Assert.True(kept.Watermark <= log.DurableWatermark);
        }
    }
    }

    private static SharedLogOptions Reporting(IFileSystem files) =>
        LogSupport.Options(files) with { OnCorruption = CorruptionAction.Report };

    private static void Flip(MemoryFileSystem files, ulong place) => files.Corrupt(
        $"{LogSupport.Directory}/{place >> 32:D20}.wal", (long)(place & uint.MaxValue) + 20, 4);
}
