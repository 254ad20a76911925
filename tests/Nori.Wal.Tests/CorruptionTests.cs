using Nori.Core;
using Nori.IO;

namespace Nori.Wal.Tests;

/// <summary>
/// Damage: below what was known durable it is corruption with file and offset, above it a torn tail; never wrong
/// data.
/// </summary>
public class CorruptionTests
{
    private static readonly string First = $"{Support.Directory}/{1:D20}.wal";

    /// <summary>A log of a few batches; the first is covered by a later header, the rest by chance.</summary>
    private static MemoryFileSystem Make(bool withMark, out List<string> texts, int segments = 1)
    {
        var files = new MemoryFileSystem();
        WalLog log = WalLog.Open(Support.Options(files, 16 << 10), out _);
        texts = [];
        for (int i = 0; log.Segments.Count < segments || i < 4; i++)
        {
            string text = $"record {i} {new string('x', (i * 37) % 90)}";
            texts.Add(text);
            Support.Append(log, text);
            log.Sync();
        }

        if (withMark) log.WriteDurableMark();
        log.Dispose();
        return files;
    }

    private static byte[] Bytes(MemoryFileSystem files, string path) => files.ReadAllBytes(path);

    private static long UsedEnd(MemoryFileSystem files, string path)
    {
        byte[] bytes = Bytes(files, path);
        return bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
    }

    [Fact]
    public void A_flipped_bit_in_the_last_synced_batch_is_corruption_when_a_mark_says_it_was_durable()
    {
        foreach (bool withMark in new[] { true, false })
        {
            MemoryFileSystem files = Make(withMark, out List<string> texts);
            WalPosition last;
            using (WalLog log = WalLog.Open(Support.Options(files.Clone(), 16 << 10), out _))
            {
                last = Support.ReadAll(log)[^1].Position;
            }

            files.Corrupt(First, last.Offset + 20, 1);
            if (withMark)
            {
                var thrown = Assert.Throws<CorruptionException>(() => WalLog.Open(Support.Options(files), out _));
                Assert.Equal(First, thrown.File);
                Assert.Equal(last.Offset - WalFormat.BatchHeaderBytes, thrown.Offset);
            }
            else
            {
                // No later header vouches for it: nothing tells it from a write that the crash tore.
                using WalLog log = WalLog.Open(Support.Options(files), out RecoveryReport report);
                Assert.Equal(texts[..^1], Support.ReadTexts(log));
                Assert.True(report.TornTailBytes > 0);
            }
        }
    }

    [Fact]
    public void A_log_that_ends_before_what_its_owner_knows_to_be_durable_is_corruption_and_stays_as_it_is()
    {
        MemoryFileSystem files = Make(withMark: false, out List<string> texts, segments: 2);
        WalPosition end;
        using (WalLog log = WalLog.Open(Support.Options(files.Clone(), 16 << 10), out RecoveryReport report)) end = report.End;
        string last = $"{Support.Directory}/{end.Segment:D20}.wal";

        using (WalLog log = WalLog.Open(Support.Options(files.Clone(), 16 << 10) with { DurableAtLeast = end }, out _))
            Assert.Equal(texts, Support.ReadTexts(log));

        // Within the last batch, and where no batch is left.
        foreach (long length in (long[])[end.Offset - 8, WalFormat.FirstBatchOffset])
        {
            MemoryFileSystem cut = files.Clone();
            using (IFile file = cut.Open(last, FileOpen.ReadWrite)) file.SetLength(length);
            Refuses(cut, last);
        }

        MemoryFileSystem missing = files.Clone();
        missing.Delete(last);
        Refuses(missing, First);

        foreach (string name in missing.List(Support.Directory)) missing.Delete($"{Support.Directory}/{name}");
        Refuses(missing, $"{Support.Directory}/{end.Segment:D20}.wal");

        void Refuses(MemoryFileSystem files, string path)
        {
            WalInspection seen = Inspect(files, end);
            Assert.True(seen.IsCorrupt);
            Assert.Contains(seen.Findings, found => found.File == path);
            Assert.False(Inspect(files, WalPosition.Start).IsCorrupt);
            IReadOnlyList<string> before = files.List(Support.Directory);
            WalOptions options = Support.Options(files, 16 << 10) with { DurableAtLeast = end };
            var thrown = Assert.Throws<CorruptionException>(() => WalLog.Open(options, out _));
            Assert.Contains($"durable up to {end}", thrown.Expected, StringComparison.Ordinal);
            Assert.Equal(before.Where(name => name != "LOCK"), files.List(Support.Directory).Where(name => name != "LOCK"));
        }

        static WalInspection Inspect(MemoryFileSystem files, WalPosition durable)
        {
            using WalInspector inspector = WalInspector.Begin(files, Support.Directory, atRest: false, durable);
            while (inspector.RunOnce(long.MaxValue)) continue;
            return inspector.Finish();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_bit_flipped_anywhere_is_corruption_or_a_torn_tail_but_never_other_data(bool withMark)
    {
        MemoryFileSystem original = Make(withMark, out List<string> texts);
        long used = UsedEnd(original, First);
        long firstDurable = WalFormat.FirstBatchOffset;
        int corrupt = 0, torn = 0, harmless = 0;
        for (long offset = 0; offset < used + 64; offset++)
        {
            if (offset is > 200 and < 4000 or > 4300 and < 8100) continue;
            MemoryFileSystem files = original.Clone();
            files.Corrupt(First, offset, (byte)(1 << (int)(offset % 8)));
            try
            {
                using WalLog log = WalLog.Open(Support.Options(files, 16 << 10), out RecoveryReport report);
                List<string> found = Support.ReadTexts(log);
                Assert.Equal(texts[..found.Count], found);

                // All that a header vouched for is there.
                Assert.True(found.Count >= texts.Count - 1, $"offset {offset}: {found.Count} of {texts.Count} records");
                if (found.Count == texts.Count) harmless++;
                else torn++;
                Assert.False(withMark && found.Count < texts.Count, $"offset {offset}: a durable record was dropped");
            }
            catch (CorruptionException e)
            {
                corrupt++;
                Assert.Equal(First, e.File);
                Assert.InRange(e.Offset, firstDurable, used);
                Assert.True(e.Offset <= offset, $"flipped at {offset}, reported at {e.Offset}");
            }
        }

        Assert.True(corrupt > 100, $"{corrupt} corrupt");
        Assert.True(harmless > 100, $"{harmless} harmless");
        Assert.Equal(withMark, torn == 0);
    }

    [Fact]
    public void Both_copies_of_a_segment_header_must_be_damaged_before_anything_is_lost()
    {
        MemoryFileSystem files = Make(withMark: true, out List<string> texts);
        files.Corrupt(First, 20, 1);
        using (WalLog log = WalLog.Open(Support.Options(files.Clone()), out _)) Assert.Equal(texts, Support.ReadTexts(log));
        files.Corrupt(First, WalFormat.HeaderCopyOffset + 30, 1);
        var thrown = Assert.Throws<CorruptionException>(() => WalLog.Open(Support.Options(files), out _));
        Assert.Equal((First, 0L), (thrown.File, thrown.Offset));
    }

    [Fact]
    public void A_format_version_of_the_future_is_refused()
    {
        MemoryFileSystem files = Make(withMark: true, out _);
        byte[] header = new byte[WalFormat.SegmentHeaderBytes];
        using (IFile file = files.Open(First, FileOpen.ReadWrite))
        {
            file.Read(0, header);
            header[12] = 3;
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(
                header.AsSpan(8), Crc32C.Compute(header.AsSpan(12)));
            file.Write(0, header);
            file.Write(WalFormat.HeaderCopyOffset, header);
        }

        var thrown = Assert.Throws<CorruptionException>(() => WalLog.Open(Support.Options(files), out _));
        Assert.Contains("format version 3", thrown.Actual, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_foreign_empty_and_cut_segments_are_named()
    {
        MemoryFileSystem Fresh() => Make(withMark: true, out _, segments: 4);
        string Segment(int number) => $"{Support.Directory}/{number:D20}.wal";
        CorruptionException Refused(MemoryFileSystem files) =>
            Assert.Throws<CorruptionException>(() => WalLog.Open(Support.Options(files, 16 << 10), out _));

        MemoryFileSystem missing = Fresh();
        missing.Delete(Segment(2));
        Assert.Equal(Segment(2), Refused(missing).File);

        MemoryFileSystem empty = Fresh();
        using (IFile file = empty.Open(Segment(3), FileOpen.ReadWrite)) file.SetLength(0);
        CorruptionException thrown = Refused(empty);
        Assert.Equal((Segment(3), 0L), (thrown.File, thrown.Offset));
        Assert.Contains("0 bytes", thrown.Actual, StringComparison.Ordinal);

        MemoryFileSystem cut = Fresh();
        using (IFile file = cut.Open(Segment(2), FileOpen.ReadWrite)) file.SetLength(10_000);
        thrown = Refused(cut);
        Assert.Equal(Segment(2), thrown.File);
        Assert.InRange(thrown.Offset, WalFormat.FirstBatchOffset, 10_000);

        MemoryFileSystem renamed = Fresh();
        renamed.Delete(Segment(4));
        renamed.HardLink(Segment(2), Segment(4));
        thrown = Refused(renamed);
        Assert.Equal((Segment(4), "segment 4", "segment 2"), (thrown.File, thrown.Expected, thrown.Actual));

        // A segment of another log under the right name.
        MemoryFileSystem foreign = Fresh();
        var other = new MemoryFileSystem();
        WalLog log = WalLog.Open(Support.Options(other, 16 << 10) with { Seed = 12345 }, out _);
        while (log.Segments.Count < 4) Support.Append(log, "of another log");
        log.Dispose();
        using (IFile file = foreign.Open(Segment(3), FileOpen.ReadWrite))
        {
            byte[] bytes = other.ReadAllBytes(Segment(3));
            file.SetLength(bytes.Length);
            file.Write(0, bytes);
        }

        thrown = Refused(foreign);
        Assert.Equal(Segment(3), thrown.File);
        Assert.Contains("follows epoch", thrown.Expected, StringComparison.Ordinal);

        // Other names are not ours: left alone and listed.
        MemoryFileSystem extra = Fresh();
        extra.Open($"{Support.Directory}/notes.txt", FileOpen.CreateNew).Dispose();
        using WalLog open = WalLog.Open(Support.Options(extra, 16 << 10), out RecoveryReport report);
        Assert.Equal(["notes.txt"], report.IgnoredFiles);
        Assert.True(extra.FileExists($"{Support.Directory}/notes.txt"));
    }

    [Fact]
    public void Reporting_skips_the_damage_and_goes_on_and_reports_it_again_next_time()
    {
        MemoryFileSystem files = Make(withMark: true, out List<string> texts, segments: 2);
        List<(WalPosition Position, byte Type, byte[] Payload)> records;
        using (WalLog log = WalLog.Open(Support.Options(files.Clone(), 16 << 10), out _)) records = Support.ReadAll(log);
        files.Corrupt(First, records[2].Position.Offset + 18, 1);
        files.Corrupt(First, records[5].Position.Offset - 40, 1);
        WalOptions options = Support.Options(files, 16 << 10) with { OnCorruption = CorruptionAction.Report };
        List<string> expected = [.. texts];
        expected.RemoveAt(5);
        expected.RemoveAt(2);
        for (int i = 0; i < 3; i++)
        {
            var replay = new Replay();
            WalLog log = WalLog.Open(options, out RecoveryReport report, replay);
            Assert.Equal(2, report.Damage.Count);
            Assert.Equal(report.Damage, replay.Damage);
            Assert.Equal(records[2].Position.Offset - WalFormat.BatchHeaderBytes, report.Damage[0].Start.Offset);
            Assert.Equal(records[3].Position.Offset - WalFormat.BatchHeaderBytes, report.Damage[0].End.Offset);
            Assert.Equal(expected, Support.ReadTexts(log));
            expected.Add($"after damage {i}");
            Support.Append(log, expected[^1]);
            log.Sync();
            if (i == 0) log.Dispose();
            else log.Close();
        }
    }

    [Fact]
    public void Reporting_damage_at_the_end_keeps_it_known()
    {
        MemoryFileSystem files = Make(withMark: true, out List<string> texts);
        WalPosition last;
        using (WalLog log = WalLog.Open(Support.Options(files.Clone(), 16 << 10), out _))
        {
            last = Support.ReadAll(log)[^1].Position;
        }

        // The last record and the mark's own body: only the mark's header still tells.
        files.Corrupt(First, last.Offset + 17, 1);
        WalOptions options = Support.Options(files, 16 << 10) with { OnCorruption = CorruptionAction.Report };
        for (int i = 0; i < 2; i++)
        {
            using WalLog log = WalLog.Open(options, out RecoveryReport report);
            Assert.Single(report.Damage);
            Assert.Equal(texts[..^1], Support.ReadTexts(log)[..(texts.Count - 1)]);
            Support.Append(log, "more");
            log.Sync();
        }

        Assert.Throws<CorruptionException>(() => WalLog.Open(Support.Options(files, 16 << 10), out _));
    }

    [Fact]
    public void A_payload_that_imitates_a_header_deceives_nobody()
    {
        // Looking past damage for headers must not find one that a client put into a value: its epoch would have to be known,
        // and its offset right. Here both are right except that half of the epoch, which is random, is not.
        var files = new MemoryFileSystem();
        WalLog log = WalLog.Open(Support.Options(files) with { Seed = 4711 }, out _);
        WalPosition at = Support.Append(log, "first");
        log.Sync();
        byte[] fake = new byte[WalFormat.BatchHeaderBytes];
        uint offset = log.End.Offset + WalFormat.BatchHeaderBytes + WalFormat.RecordHeaderBytes;
        ulong guessed = (log.Segments[0].Epoch & 0xFFFF_FFFF_0000_0000) | 0x1234_5678;
        new BatchHeader(guessed, offset, 0, 0, BatchFlags.Mark, new WalPosition(1, offset)).Encode(fake);
        using var batch = new WalBatch();
        batch.Add(1, fake);
        log.Append(batch);
        log.Dispose();
        files.Corrupt($"{Support.Directory}/{1:D20}.wal", log.End.Offset - 49, 1);
        files.Corrupt($"{Support.Directory}/{1:D20}.wal", offset - 64 + 5, 1);
        using WalLog again = WalLog.Open(Support.Options(files), out _);
        Assert.Equal(["first"], Support.ReadTexts(again));
        Assert.Equal(at, Support.ReadAll(again)[0].Position);
    }

    [Fact]
    public void Damage_found_while_reading_is_reported_with_its_place()
    {
        MemoryFileSystem files = Make(withMark: true, out List<string> texts);
        using WalLog log = WalLog.Open(Support.Options(files, 16 << 10), out _);
        WalPosition second = Support.ReadAll(log)[1].Position;
        files.Corrupt(First, second.Offset + 17, 1);
        var thrown = Assert.Throws<CorruptionException>(() => log.TryRead(second, -1, out _));
        Assert.Equal((First, (long)second.Offset), (thrown.File, thrown.Offset));
        using WalReader reader = log.ReadFrom(WalPosition.Start);
        Assert.True(reader.Read());
        thrown = Assert.Throws<CorruptionException>(() => reader.Read());
        Assert.Equal((First, (long)second.Offset), (thrown.File, thrown.Offset));
        Assert.Equal(4, texts.Count);
    }

    [Fact]
    public void Mutated_files_give_a_result_or_a_corruption_and_nothing_else()
    {
        MemoryFileSystem original = Make(withMark: true, out List<string> texts, segments: 3);
        byte[][] contents = [.. Enumerable.Range(1, 3).Select(n => Bytes(original, $"{Support.Directory}/{n:D20}.wal"))];
        for (ulong seed = 0; seed < 1500; seed++)
        {
            var prng = new Prng(seed);
            MemoryFileSystem files = original.Clone();
            int number = prng.NextInt(1, 4);
            string path = $"{Support.Directory}/{number:D20}.wal";
            byte[] bytes = (byte[])contents[number - 1].Clone();
            for (int i = prng.NextInt(1, 6); i > 0; i--) Mutate(bytes, prng);
            using (IFile file = files.Open(path, FileOpen.ReadWrite))
            {
                if (prng.Chance(0.2)) file.SetLength(prng.NextInt(bytes.Length));
                else file.Write(0, bytes);
            }

            var action = prng.Chance(0.5) ? CorruptionAction.Throw : CorruptionAction.Report;
            string hint = $"seed {seed}";
            try
            {
                using WalLog log = WalLog.Open(
                    Support.Options(files, 16 << 10) with { OnCorruption = action }, out RecoveryReport report);
                int from = 0;
                foreach (string text in Support.ReadTexts(log))
                {
                    // A subsequence of what was written; without damage reported, without gaps.
                    int index = texts.IndexOf(text, from);
                    Assert.True(index >= from, $"{hint}: '{text}' was never written here");
                    if (report.Damage.Count == 0) Assert.True(index == from, $"{hint}: a gap before '{text}'");
                    from = index + 1;
                }
            }
            catch (CorruptionException)
            {
            }
            catch (Exception e)
            {
                throw new InvalidOperationException(hint, e);
            }

            WalInspector.Inspect(files, Support.Directory, _ => { }, _ => { });
        }
    }

    private static void Mutate(byte[] bytes, Prng prng)
    {
        // Where something is: the headers, or behind them.
        int at = prng.Chance(0.2) ? prng.NextInt(64) + (prng.NextInt(2) * 4096) : prng.NextInt(8192, bytes.Length);
        int count = Math.Min(prng.NextInt(1, 100), bytes.Length - at);
        switch (prng.NextInt(4))
        {
            case 0:
                bytes[at] ^= (byte)(1 << prng.NextInt(8));
                break;
            case 1:
                prng.Fill(bytes.AsSpan(at, count));
                break;
            case 2:
                bytes.AsSpan(at, count).Clear();
                break;
            default:
                bytes.AsSpan(prng.NextInt(bytes.Length - count), count).CopyTo(bytes.AsSpan(at, count));
                break;
        }
    }

    [Fact]
    public void The_inspector_lists_batches_and_records_and_marks_damage()
    {
        MemoryFileSystem files = Make(withMark: true, out List<string> texts, segments: 2);
        var batches = new List<WalBatchInspection>();
        var records = new List<WalRecord>();
        WalInspection healthy = WalInspector.Inspect(files, Support.Directory, batches.Add, records.Add);
        Assert.False(healthy.IsCorrupt);
        Assert.Empty(healthy.Findings);
        Assert.Equal(2, healthy.Segments.Count);
        Assert.Equal(texts.Count, records.Count);
        Assert.Equal(texts.Count + 1, batches.Count);
        Assert.Equal(texts.Count, healthy.Segments.Sum(segment => segment.Records));

        files.Corrupt(First, 20, 1);
        files.Corrupt(First, records[1].Position.Offset + 17, 1);
        files.Open($"{Support.Directory}/other", FileOpen.CreateNew).Dispose();
        WalInspection damaged = WalInspector.Inspect(files, Support.Directory);
        Assert.True(damaged.IsCorrupt);
        Assert.Equal(
            [WalFindingKind.HeaderCopy, WalFindingKind.Corruption, WalFindingKind.ForeignFile],
            damaged.Findings.Select(finding => finding.Kind));
        Assert.Equal(records[1].Position.Offset - WalFormat.BatchHeaderBytes, damaged.Findings[1].Offset);
        Assert.Equal(texts.Count - 1, damaged.Segments.Sum(segment => segment.Records));
    }
}
