using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Log;

public class SharedLogTests
{
    private static SharedLog Reopen(SharedLog log, IFileSystem files, out SharedLogRecovery recovery)
    {
        log.Dispose();
        return SharedLog.Open(LogSupport.Options(files), out recovery);
    }

    [Fact]
    public void Entries_and_hard_states_of_many_groups_come_back()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        for (uint shard = 0; shard < 20; shard++)
        {
            log.Append(shard, shard + 100, 1, 1 + shard, term: 2);
            log.Write(batch => batch.HardState(
                new ShardId(shard), new ReplicaId(shard + 100), new Term(2), new ReplicaId(7), new LogIndex(1)));
        }

        log.Sync();
        log.Close();
        log = SharedLog.Open(LogSupport.Options(files), out SharedLogRecovery recovery);
        Assert.Equal(20, recovery.Groups);
        Assert.Empty(recovery.Suspects);
        for (uint shard = 0; shard < 20; shard++)
        {
            GroupState state = log.GroupState(new ShardId(shard))!.Value;
            Assert.Equal(new ReplicaId(shard + 100), state.Replica);
            Assert.Equal(new HardState(new Term(2), new ReplicaId(7), new LogIndex(1)), state.HardState);
            Assert.Equal(new LogIndex(1 + shard), state.LastIndex);
            Assert.Equal(LogSupport.Entries(1, 1 + shard, 2), log.Read(shard));
        }

        Assert.Null(log.GroupState(new ShardId(99)));
        Assert.False(log.TryReadEntry(new ShardId(1), new LogIndex(3), out _));
        log.Close();
    }

    [Fact]
    public void An_append_at_or_below_the_last_index_cuts_the_suffix()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 1, 1, 10, term: 1);
        log.Append(1, 1, 4, 5, term: 2);
        List<string> expected = [.. LogSupport.Entries(1, 3, 1), .. LogSupport.Entries(4, 5, 2)];
        Assert.Equal(expected, log.Read(1));
        Assert.Equal(5, log.LiveEntries);
        log = Reopen(log, files, out _);
        Assert.Equal(expected, log.Read(1));
        Assert.Equal(5, log.LiveEntries);
        Assert.Equal(new Term(2), log.GroupState(new ShardId(1))!.Value.LastTerm);
        log.Close();
    }

    [Fact]
    public void A_rewrite_does_not_bring_back_what_was_cut()
    {
        // Both records of entry 5 exist; the rewrite is of the old term and was written before the conflict.
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 1, 1, 5, term: 1);
        log.Fill(9, 1);
        log.Append(1, 1, 6, 8, term: 1);
        log.Fill(9, 2);
        GarbageReport report = log.CollectGarbage(
            ulong.MaxValue, shard => new LogIndex(shard.Value == 9 ? ulong.MaxValue : 0), segmentsMax: 1);
        Assert.True(report.EntriesRewritten > 0);
        log.Append(1, 1, 4, 4, term: 2);
        log = Reopen(log, files, out _);
        List<string> expected = [.. LogSupport.Entries(1, 3, 1), .. LogSupport.Entries(4, 4, 2)];
        Assert.Equal(expected, log.Read(1));
        log.Close();
    }

    [Fact]
    public void A_truncated_prefix_stays_truncated_and_its_term_known()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 1, 1, 10, term: 5);
        log.Write(batch => batch.TruncatePrefix(new ShardId(1), new ReplicaId(1), new LogIndex(6), new Term(5)));
        log.Fill(9, 3);
        log.Collect(1);
        log = Reopen(log, files, out _);
        Assert.Equal(LogSupport.Entries(7, 10, 5), log.Read(1));
        Assert.True(log.TryGetTerm(new ShardId(1), new LogIndex(6), out Term term));
        Assert.Equal(new Term(5), term);
        Assert.False(log.TryGetTerm(new ShardId(1), new LogIndex(5), out _));
        log.Close();
    }

    [Fact]
    public void A_snapshot_in_place_of_the_log_forgets_all_entries()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 1, 1, 10, term: 1);
        log.Append(2, 2, 1, 10, term: 1);
        log.Write(batch =>
        {
            // Behind the end; and inside, but with another term.
            batch.InstallSnapshot(new ShardId(1), new ReplicaId(1), new LogIndex(50), new Term(4));
            batch.InstallSnapshot(new ShardId(2), new ReplicaId(2), new LogIndex(5), new Term(4));
        });
        log.Append(1, 1, 51, 52, term: 4);
        log.Append(2, 2, 6, 6, term: 4);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(LogSupport.Entries(51, 52, 4), log.Read(1));
            Assert.Equal(LogSupport.Entries(6, 6, 4), log.Read(2));
            log = Reopen(log, files, out _);
        }

        log.Close();
    }

    [Fact]
    public void Records_of_a_cleaned_or_replaced_replica_are_dropped()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 10, 1, 5, term: 1, "old");
        log.Write(batch => batch.HardState(new ShardId(1), new ReplicaId(10), new Term(9), new ReplicaId(3), default));
        log.Write(batch => batch.Clean(new ShardId(1), new ReplicaId(10)));
        Assert.True(log.GroupState(new ShardId(1))!.Value.IsClean);
        Assert.Equal(0, log.LiveEntries);
        Assert.Throws<InvariantException>(() => log.Append(1, 10, 1, 1, term: 1));
        log = Reopen(log, files, out _);
        Assert.True(log.GroupState(new ShardId(1))!.Value.IsClean);
        Assert.Null(log.GroupState(new ShardId(1))!.Value.HardState);

        log.Append(1, 11, 1, 2, term: 1, "new");
        Assert.Throws<InvariantException>(() => log.Append(1, 10, 3, 3, term: 1));
        log = Reopen(log, files, out _);
        Assert.Equal(LogSupport.Entries(1, 2, 1, "new"), log.Read(1));
        Assert.Equal(new ReplicaId(11), log.GroupState(new ShardId(1))!.Value.Replica);
        log.Close();
    }

    [Fact]
    public void Records_of_an_older_replica_behind_the_newer_one_are_dropped_at_start()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 20, 1, 3, term: 2, "current");
        log.Close();

        // The log itself would refuse to write them.
        using (WalLog wal = WalLog.Open(LogSupport.Options(files).ToWal(), out _))
        {
            using var stale = new SharedLogBatch();
            stale.Append(new ShardId(1), new ReplicaId(19), new LogIndex(2), new Term(9), "stale"u8);
            stale.HardState(new ShardId(1), new ReplicaId(19), new Term(9), new ReplicaId(9), default);
            stale.Clean(new ShardId(1), new ReplicaId(19));
            wal.Append(stale.Records);
            wal.Close();
        }

        log = SharedLog.Open(LogSupport.Options(files), out SharedLogRecovery recovery);
        Assert.Equal(3, recovery.DroppedRecords);
        Assert.Equal(LogSupport.Entries(1, 3, 2, "current"), log.Read(1));
        Assert.Null(log.GroupState(new ShardId(1))!.Value.HardState);
        log.Close();
    }

    [Fact]
    public void Any_payload_is_a_record_or_none_but_no_exception()
    {
        for (ulong seed = 0; seed < 5000; seed++)
        {
            var prng = new Prng(seed);
            byte[] payload = new byte[prng.NextInt(60)];
            prng.Fill(payload);
            if (payload.Length > 1) (payload[0], payload[1]) = (1, (byte)prng.NextInt(4));
            byte type = (byte)prng.NextInt(8);
            if (!LogRecord.TryDecode(type, payload, out LogRecord record)) continue;
            Assert.InRange(type, (byte)LogRecordKind.Append, (byte)LogRecordKind.Clean);
            Assert.True(record.Envelope.Length <= payload.Length - LogRecord.CommonBytes);
        }
    }

    [Fact]
    public void A_batch_that_does_not_fit_writes_nothing()
    {
        var files = new MemoryFileSystem();
        using SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Append(1, 1, 1, 3, term: 1);
        ulong watermark = log.LastWatermark;
        Assert.Throws<InvariantException>(() => log.Append(1, 1, 5, 5, term: 1));
        Assert.Throws<InvariantException>(() => log.Append(2, 2, 2, 2, term: 1));
        Assert.Throws<InvariantException>(() => log.Write(batch =>
        {
            batch.Append(new ShardId(1), new ReplicaId(1), new LogIndex(4), new Term(1), default);
            batch.TruncatePrefix(new ShardId(1), new ReplicaId(1), new LogIndex(2), new Term(1));
            batch.Append(new ShardId(1), new ReplicaId(1), new LogIndex(2), new Term(1), default);
        }));
        Assert.Equal(watermark, log.LastWatermark);
        Assert.Equal(LogSupport.Entries(1, 3, 1), log.Read(1));
    }

    [Fact]
    public void Damage_of_what_was_durable_names_the_groups_in_doubt()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files, 1 << 20), out _);
        for (uint shard = 1; shard <= 3; shard++)
        {
            log.Append(shard, shard, 1, 3, term: 1);
            log.Write(batch => batch.HardState(new ShardId(shard), new ReplicaId(shard), new Term(1), default, default));
        }

        log.Sync();
        using var victim = new SharedLogBatch();
        victim.Append(new ShardId(2), new ReplicaId(2), new LogIndex(4), new Term(1), "victim"u8);
        victim.HardState(new ShardId(1), new ReplicaId(1), new Term(5), new ReplicaId(1), default);
        ulong place = log.Write(victim);
        log.Append(2, 2, 5, 6, term: 1);
        log.Append(3, 3, 4, 4, term: 1);
        log.Write(batch => batch.HardState(new ShardId(3), new ReplicaId(3), new Term(2), default, default));
        log.Sync();
        log.Close();

        string path = $"{LogSupport.Directory}/{place >> 32:D20}.wal";
        files.Corrupt(path, (long)(place & uint.MaxValue) + 20, 4);
        var thrown = Assert.Throws<CorruptionException>(() => SharedLog.Open(LogSupport.Options(files, 1 << 20), out _));
        Assert.Equal(path, thrown.File);

        SharedLogOptions report = LogSupport.Options(files, 1 << 20) with { OnCorruption = CorruptionAction.Report };
        log = SharedLog.Open(report, out SharedLogRecovery recovery);
        Assert.Single(recovery.Wal.Damage);
        Assert.Equal(
            [
                new SuspectGroup(new ShardId(1), new ReplicaId(1), true, true, default),
                new SuspectGroup(new ShardId(2), new ReplicaId(2), true, true, new LogIndex(4)),
            ],
            recovery.Suspects);
        Assert.Equal(LogSupport.Entries(1, 4, 1), log.Read(3));
        log.Close();
    }

    [Fact]
    public void A_missing_first_segment_is_found()
    {
        var files = new MemoryFileSystem();
        SharedLog log = SharedLog.Open(LogSupport.Options(files), out _);
        log.Fill(1, 3);
        log.Close();
        files.Delete($"{LogSupport.Directory}/{1:D20}.wal");
        var thrown = Assert.Throws<CorruptionException>(() => SharedLog.Open(LogSupport.Options(files), out _));
        Assert.Contains("entry 1 of shard 1", thrown.Expected, StringComparison.Ordinal);
    }
}
