using Nori.Core;
using Nori.IO;

namespace Nori.Wal.Tests;

/// <summary>Repair blocks: whatever happens to one sector of a log, nothing that was synced is lost.</summary>
public class RepairTests
{
    private const int Sector = 512;
    private static readonly string First = $"{Support.Directory}/{1:D20}.wal";

    private static WalOptions Options(IFileSystem files, long segmentBytes = 64 << 10) =>
        Support.Options(files, segmentBytes) with { RepairBlocks = true };

    /// <summary>Batches of many sizes, each synced, marks in between; what the last one is, the seed says.</summary>
    private static MemoryFileSystem Make(ulong seed, out List<string> texts, int batches = 12)
    {
        var files = new MemoryFileSystem();
        var prng = new Prng(seed);
        WalLog log = WalLog.Open(Options(files), out _);
        texts = [];
        for (int i = 0; i < batches; i++)
        {
            string[] batch = [.. Enumerable.Range(0, prng.NextInt(1, 5)).Select(
                n => $"record {i}.{n} {new string((char)('a' + n), prng.NextInt(prng.Chance(0.2) ? 3000 : 200))}")];
            texts.AddRange(batch);
            Support.Append(log, batch);
            log.Sync();
            if (prng.Chance(0.2)) log.WriteDurableMark();
        }

        log.Dispose();
        return files;
    }

    private static int UsedEnd(MemoryFileSystem files) =>
        files.ReadAllBytes(First).AsSpan().LastIndexOfAnyExcept((byte)0) + 1;

    private static void Write(MemoryFileSystem files, long offset, ReadOnlySpan<byte> bytes)
    {
        using IFile file = files.Open(First, FileOpen.ReadWrite);
        file.Write(offset, bytes);
        file.Sync();
    }

    [Fact]
    public void A_bit_flipped_anywhere_in_what_was_synced_loses_nothing()
    {
        for (ulong seed = 0; seed < 4; seed++)
        {
            MemoryFileSystem original = Make(seed, out List<string> texts, batches: 4);
            int used = UsedEnd(original);
            for (int offset = WalFormat.FirstBatchOffset; offset < used; offset++)
            {
                MemoryFileSystem files = original.Clone();
                files.Corrupt(First, offset, (byte)(1 << (offset % 8)));
                WalLog log = WalLog.Open(Options(files), out RecoveryReport report);
                Assert.True(
                    texts.SequenceEqual(Support.ReadTexts(log)) && report.Damage.Count == 0 && report.RepairedBatches <= 1,
                    $"seed {seed}: a bit at {offset}");
                log.Dispose();
                Assert.Empty(WalInspector.Inspect(files, Support.Directory).Findings);
            }
        }
    }

    [Fact]
    public void A_sector_lost_anywhere_in_what_was_synced_loses_nothing()
    {
        for (ulong seed = 0; seed < 60; seed++)
        {
            MemoryFileSystem original = Make(seed, out List<string> texts);
            int used = UsedEnd(original);
            var prng = new Prng(seed);
            for (int sector = WalFormat.FirstBatchOffset / Sector; sector * Sector < used; sector++)
            {
                byte[] other = new byte[Sector];
                if (prng.Chance(0.7)) prng.Fill(other);
                MemoryFileSystem files = original.Clone();
                Write(files, sector * Sector, other);
                WalLog log = WalLog.Open(Options(files), out RecoveryReport report);
                Assert.True(
                    texts.SequenceEqual(Support.ReadTexts(log)) && report.RepairedBatches > 0,
                    $"seed {seed}: sector {sector} of {used / Sector}");
                Assert.False(log.HasUnsynced);
                log.Dispose();

                // What was mended is whole on the disk, so that another sector may go.
                int second = prng.NextInt(WalFormat.FirstBatchOffset / Sector, (used / Sector) + 1);
                Write(files, second * Sector, other);
                using WalLog again = WalLog.Open(Options(files), out _);
                Assert.True(texts.SequenceEqual(Support.ReadTexts(again)), $"seed {seed}: sectors {sector} and {second}");
            }
        }
    }

    [Fact]
    public void A_torn_batch_is_gone_or_whole_and_nothing_before_it_is_lost()
    {
        int gone = 0, whole = 0;
        for (ulong seed = 0; seed < 400; seed++)
        {
            var prng = new Prng(seed);
            var files = new MemoryFileSystem(seed);
            var texts = new List<string>();
            for (int boot = 0; boot < 3; boot++)
            {
                WalLog log = WalLog.Open(Options(files), out RecoveryReport report);
                List<string> found = Support.ReadTexts(log);
                Assert.True(found.Count >= texts.Count && texts.SequenceEqual(found[..texts.Count]), $"seed {seed}");
                Assert.Empty(report.Damage);
                if (found.Count > texts.Count) whole++;
                else if (report.TornTailBytes > 0) gone++;
                texts = found;
                for (int i = prng.NextInt(6); i > 0; i--)
                {
                    texts.Add($"{boot}.{i} {new string('s', prng.NextInt(2000))}");
                    Support.Append(log, texts[^1]);
                    log.Sync();
                }

                Support.Append(log, [.. Enumerable.Range(0, 3).Select(i => $"torn {boot}.{i} {new string('t', prng.NextInt(900))}")]);
                log.Dispose();
                files = files.Crash(seed, prng.Chance(0.5) ? CrashMode.PowerLoss : CrashMode.PowerLossGarbage);
            }
        }

        Assert.True(gone > 10 && whole > 50, $"{gone} gone, {whole} whole");
    }

    [Fact]
    public void Two_damaged_sectors_of_a_batch_are_damage_as_ever()
    {
        MemoryFileSystem files = Make(1, out _, batches: 3);
        WalLog log = WalLog.Open(Options(files.Clone()), out _);
        WalPosition first = Support.ReadAll(log)[0].Position;
        log.Dispose();
        files.Corrupt(First, first.Offset + 20, 1);
        files.Corrupt(First, first.Offset + 20 + Sector, 1);
        Assert.Throws<CorruptionException>(() => WalLog.Open(Options(files), out _));
    }

    // The first record could be put right with the parity, at the price of the second, which is sound.
    [Fact]
    public void What_is_sound_is_not_changed_to_repair_one_of_two_damaged_sectors()
    {
        var files = new MemoryFileSystem();
        string sound = new('b', 200);
        WalLog log = WalLog.Open(Options(files), out _);
        Support.Append(log, new string('a', 50), sound, new string('c', 600));
        log.Sync();
        WalPosition[] records = [.. Support.ReadAll(log).Select(static record => record.Position)];
        log.Dispose();
        // In the third record's second sector, where the second record lies in the first.
        long inFirst = records[0].Offset + WalFormat.RecordHeaderBytes + 4, inThird = records[1].Offset + 100 + Sector;
        Assert.True(inThird > records[2].Offset + WalFormat.RecordHeaderBytes && inFirst / Sector == records[1].Offset / Sector);
        files.Corrupt(First, inFirst, 1);
        files.Corrupt(First, inThird, 1);
        byte[] before = files.ReadAllBytes(First);
        WalLog.Open(Options(files) with { OnCorruption = CorruptionAction.Report }, out RecoveryReport report).Dispose();
        Assert.Equal(0, report.RepairedBatches);
        Assert.Equal(before.AsSpan(0, UsedEnd(files)), files.ReadAllBytes(First).AsSpan(0, UsedEnd(files)));
    }

    [Fact]
    public void A_reader_begins_at_any_record_and_passes_the_blocks()
    {
        MemoryFileSystem files = Make(3, out List<string> texts);
        using WalLog log = WalLog.Open(Options(files), out _);
        List<(WalPosition Position, byte Type, byte[] Payload)> all = Support.ReadAll(log);
        for (int i = 0; i < all.Count; i++) Assert.Equal(texts[i..], Support.ReadTexts(log, all[i].Position));
    }

    [Fact]
    public void Logs_with_and_without_blocks_follow_one_another()
    {
        var files = new MemoryFileSystem();
        var texts = new List<string>();
        foreach (bool withBlocks in new[] { false, true, false, true })
        {
            WalLog log = WalLog.Open(Support.Options(files) with { RepairBlocks = withBlocks }, out _);
            Assert.Equal(texts, Support.ReadTexts(log));
            for (int i = 0; i < 3; i++) Support.Append(log, $"{texts.Count} {withBlocks}");
            texts = Support.ReadTexts(log);
            log.Close();
        }

        Assert.Equal(12, texts.Count);
        Assert.Empty(WalInspector.Inspect(files, Support.Directory).Findings);
    }

    [Fact]
    public void The_inspector_tells_what_opening_would_repair()
    {
        MemoryFileSystem files = Make(5, out _, batches: 3);
        files.Corrupt(First, WalFormat.FirstBatchOffset + 60, 4);
        WalInspection before = WalInspector.Inspect(files, Support.Directory);
        Assert.Equal([WalFindingKind.Repairable], before.Findings.Select(f => f.Kind));
        Assert.False(before.IsCorrupt);
        WalLog.Open(Options(files), out _).Close();
        Assert.Empty(WalInspector.Inspect(files, Support.Directory).Findings);
    }

    [Fact]
    public void A_refused_batch_does_not_come_back()
    {
        var files = new MemoryFileSystem();
        WalLog log = WalLog.Open(Options(files), out _);
        Support.Append(log, "kept");
        log.Sync();
        files.CapacityBytes = (1L << 40) - files.FreeBytes("/") + 100;
        StorageException full = Assert.Throws<StorageException>(() => Support.Append(log, new string('x', 40_000)));
        Assert.True(full.IsDiskFull);
        files.CapacityBytes = 1L << 40;
        log.Dispose();
        using WalLog again = WalLog.Open(Options(files), out _);
        Assert.Equal(["kept"], Support.ReadTexts(again));
    }
}
