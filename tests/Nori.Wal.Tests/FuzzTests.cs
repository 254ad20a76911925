using System.Buffers.Binary;
using Nori.Compression;
using Nori.Core;
using Nori.Fuzzing;
using Nori.IO;

namespace Nori.Wal.Tests;

/// <summary>L9: the decoders of the log, with any bytes. CorruptionTests has logs of several segments.</summary>
public sealed class FuzzTests
{
    private const string Project = "Nori.Wal.Tests";
    private const ulong Epoch = 0x0000_0001_1234_5678;

    [Fact]
    public void Segments()
    {
        // Headers and first batches without the zeros between them: the corpus stays small.
        byte[] segment = Segment();
        byte[] packed = Pack(segment);
        new Fuzzer(Project, "segment").Run(
            [packed],
            bytes =>
            {
                var files = new MemoryFileSystem(1);
                files.CreateDirectory(Support.Directory);
                using (IFile file = files.Open($"{Support.Directory}/{1:D20}.wal", FileOpen.CreateNew)) file.Write(0, Unpack(bytes));
                files.SyncDirectory(Support.Directory);
                WalInspector.Inspect(files, Support.Directory, _ => { }, _ => { });
                using WalLog log = WalLog.Open(Support.Options(files, 64 << 10), out _);
                foreach ((_, _, byte[] payload) in Support.ReadAll(log)) Assert.True(payload.Length < 64 << 10);
                return true;
            },
            Repair);
    }

    [Fact]
    public void Segment_headers()
    {
        byte[] region = new byte[WalFormat.FirstBatchOffset];
        new SegmentHeader(3, Epoch, new WalPosition(2, 9000), 9000, 7).WriteBoth(region);
        new Fuzzer(Project, "segment-header").Run(
            [region[..WalFormat.SegmentHeaderBytes]],
            bytes =>
            {
                var files = new MemoryFileSystem(1);
                using IFile file = files.Open("/h", FileOpen.CreateNew);
                file.Write(0, bytes);
                return SegmentHeader.TryReadCopy(file, 0, new byte[WalFormat.SegmentHeaderBytes], out _, out _);
            },
            bytes =>
            {
                if (bytes.Length >= WalFormat.SegmentHeaderBytes)
                    BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), Crc32C.Compute(bytes.AsSpan(12, 52)));
            });
    }

    [Fact]
    public void Records()
    {
        byte[] payload = Record.Put("key"u8, "value"u8, 7).ToArray();
        new Fuzzer(Project, "record").Run(
            [payload, Record.Delete("key"u8, 9).ToArray()],
            bytes =>
            {
                if (!Record.TryParse(bytes, out Record record)) return false;
                Assert.True(record.Key.Length + record.Value.Length <= bytes.Length);
                return true;
            });
    }

    [Fact]
    public void Compressed_records() => new Fuzzer(Project, "compressed-record").Run(
        [Snappy(new byte[300]), Snappy([1, 2, 3])],
        bytes =>
        {
            if (!RecordHeader.TryDecode(bytes, out RecordHeader header)) return false;
            if (WalFormat.RecordHeaderBytes + header.StoredLength > bytes.Length) return false;
            ReadOnlySpan<byte> stored = bytes.AsSpan(WalFormat.RecordHeaderBytes, header.StoredLength);
            try
            {
                RecordCodec.Expand(header, stored, "/log", 0);
                return true;
            }
            catch (CodecUnavailableException)
            {
                // The bytes name a codec whose library this machine lacks.
                return false;
            }
        });

    private static byte[] Snappy(byte[] payload)
    {
        byte[] target = new byte[payload.Length + 100];
        int length = BlockCodecs.Get(CompressionType.Snappy).Compress(payload, target);
        byte[] record = new byte[WalFormat.RecordHeaderBytes + length];
        RecordHeader.Encode(record, 1, length, CompressionType.Snappy, payload.Length);
        target.AsSpan(0, length).CopyTo(record.AsSpan(WalFormat.RecordHeaderBytes));
        return record;
    }

    private static byte[] Segment()
    {
        var files = new MemoryFileSystem(1);
        using (WalLog log = WalLog.Open(Support.Options(files, 64 << 10) with { Seed = 3 }, out _))
        {
            Support.Append(log, "one", "two");
            Support.Append(log, new string('x', 200));
            log.Sync();
            Support.Append(log, "three");
            log.Close();
        }

        return files.ReadAllBytes($"{Support.Directory}/{1:D20}.wal");
    }

    /// <summary>Both headers, then the batches, without the zeros between and behind them.</summary>
    private static byte[] Pack(byte[] segment) =>
    [
        .. segment[..64], .. segment[4096..4160],
        .. segment[8192..(segment.AsSpan().LastIndexOfAnyExcept((byte)0) + 1)],
    ];

    private static byte[] Unpack(byte[] packed)
    {
        if (packed.Length <= 128) return packed;
        byte[] segment = new byte[8192 + packed.Length - 128 + 64];
        packed.AsSpan(0, 64).CopyTo(segment);
        packed.AsSpan(64, 64).CopyTo(segment.AsSpan(4096));
        packed.AsSpan(128).CopyTo(segment.AsSpan(8192));
        return segment;
    }

    // Headers and every batch that the lengths lead to get the checksums of what they hold now.
    private static void Repair(byte[] packed)
    {
        for (int at = 0; at + 64 <= Math.Min(128, packed.Length); at += 64)
            BinaryPrimitives.WriteUInt32LittleEndian(packed.AsSpan(at + 8), Crc32C.Compute(packed.AsSpan(at + 12, 52)));
        for (int at = 128; at + WalFormat.BatchHeaderBytes <= packed.Length;)
        {
            Span<byte> batch = packed.AsSpan(at);
            ulong epoch = BinaryPrimitives.ReadUInt64LittleEndian(batch[8..]);
            uint body = BinaryPrimitives.ReadUInt32LittleEndian(batch[20..]);
            BinaryPrimitives.WriteUInt32LittleEndian(batch, Crc32C.Compute(batch[4..WalFormat.BatchHeaderBytes]));
            if (body > batch.Length - WalFormat.BatchHeaderBytes) return;
            uint seed = RecordHeader.EpochCrc(epoch);
            for (int record = WalFormat.BatchHeaderBytes; record + WalFormat.RecordHeaderBytes <= body + WalFormat.BatchHeaderBytes;)
            {
                uint stored = BinaryPrimitives.ReadUInt32LittleEndian(batch[(record + 4)..]);
                long end = record + WalFormat.RecordHeaderBytes + (((long)stored + 7) & ~7);
                if (end > batch.Length) return;
                RecordHeader.Seal(batch[record..(int)end], seed);
                record = (int)end;
            }

            at += WalFormat.BatchHeaderBytes + (int)body;
        }
    }
}
