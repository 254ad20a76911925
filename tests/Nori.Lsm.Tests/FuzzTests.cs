using System.Buffers;
using System.Buffers.Binary;
using Nori.Core;
using Nori.Fuzzing;
using Nori.Lsm.Manifest;
using Nori.Lsm.Versions;
using Nori.SSTable;
using Nori.Wal;

namespace Nori.Lsm.Tests;

/// <summary>L9: the decoders of the engine's own files, with any bytes.</summary>
public sealed class FuzzTests
{
    private const ulong Number = 7;

    [Fact]
    public void Manifests()
    {
        byte[] one = [.. ManifestFormat.EncodeHeader(Number), .. ManifestFormat.EncodeEdit(Number, 1, Whole())];
        byte[] more =
        [
            .. one, .. ManifestFormat.EncodeEdit(Number, 2, Change(5)), .. ManifestFormat.EncodeEdit(Number, 3, Change(9)),
        ];
        (long tried, long taken) = new Fuzzer("Nori.Lsm.Tests", "manifest").Run(
            [one, more],
            bytes =>
            {
                ManifestReader reader = ManifestReader.Read("/db/MANIFEST", bytes);
                Assert.True(reader.Edits.Count > 0 && reader.TornBytes <= bytes.Length);
                return true;
            },
            RepairFrames);
        Assert.True(taken > tried / 20, $"{taken} of {tried}: mutations do not reach the edits");
    }

    [Fact]
    public void Version_edits()
    {
        byte[][] valid = [Encoded(Whole()), Encoded(Change(5)), Encoded(new VersionEdit())];
        new Fuzzer("Nori.Lsm.Tests", "version-edit").Run(valid, bytes =>
        {
            if (!VersionEdit.TryDecode(bytes, out VersionEdit edit)) return false;
            // What was taken for right is written and read again as the same.
            byte[] again = Encoded(edit);
            Assert.True(VersionEdit.TryDecode(again, out VersionEdit second));
            Assert.Equal(again, Encoded(second));
            return true;
        });
    }

    [Fact]
    public void Current_files() => new Fuzzer("Nori.Lsm.Tests", "current").Run(
        [CurrentFile.Encode(1), CurrentFile.Encode(ulong.MaxValue)],
        bytes =>
        {
            CurrentFile.Decode("/db/CURRENT", bytes);
            long? damaged = CurrentFile.DamagedCopy(bytes);
            Assert.True(damaged is null or 0 or CurrentFile.CopyBytes);
            return true;
        },
        bytes =>
        {
            for (int at = 0; at + CurrentFile.CopyBytes <= bytes.Length; at += CurrentFile.CopyBytes)
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at + 24), Crc32C.Compute(bytes.AsSpan(at, 24)));
        });

    [Fact]
    public void Batches_of_the_log()
    {
        var batch = new WriteBatch();
        batch.Put("key"u8, "value"u8);
        batch.Put("expiring"u8, "value"u8, 12345);
        batch.Delete("gone"u8);
        batch.DeleteRange("a"u8, "b"u8);
        batch.Put(default, default);
        new Fuzzer("Nori.Lsm.Tests", "batch").Run([batch.Seal(9).ToArray()], bytes =>
        {
            if (!WriteBatch.TryDecode(bytes, out _, out uint count, out WriteBatchReader reader)) return false;
            long operations = 0, read = 0;
            while (reader.TryRead(out EntryKind kind, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value))
            {
                operations++;
                read += key.Length + value.Length;
                if (kind == EntryKind.PutWithExpiry) Assert.True(value.Length >= sizeof(long));
            }

            Assert.True(read <= bytes.Length);
            return !reader.IsMalformed && operations == count;
        });
    }

    private static VersionEdit Whole()
    {
        var edit = new VersionEdit
        {
            StoreId = new Guid("00112233-4455-6677-8899-aabbccddeeff"), Levels = 7, NextFileNumber = 12, LastSequence = 99,
            LogPosition = new WalPosition(3, 8192), FlushedWatermark = 4,
        };
        edit.Added.Add((2, Table(3)));
        edit.Added.Add((0, Table(4)));
        return edit;
    }

    private static VersionEdit Change(ulong number)
    {
        var edit = new VersionEdit { LastSequence = 100 + number, NextFileNumber = number + 20 };
        edit.Removed.Add((0, number - 1));
        edit.Added.Add((1, Table(number)));
        return edit;
    }

    private static TableMeta Table(ulong number) => new()
    {
        Number = number, Bytes = 4096, Smallest = Keys.Of("a"), Largest = Keys.Of("mm"), LargestIsExclusive = number == 3,
        SmallestSequence = 1, LargestSequence = 90, Entries = 20, Deletes = 2, RangeDeletes = 1, Expiring = 3,
        GlobalSequence = number == 4 ? 8UL : 0,
    };

    private static byte[] Encoded(VersionEdit edit)
    {
        var bytes = new ArrayBufferWriter<byte>();
        edit.Encode(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    // Every frame that the lengths lead to gets the checksum of what it holds now.
    private static void RepairFrames(byte[] bytes)
    {
        for (int copy = 0; copy + 32 <= Math.Min(bytes.Length, 64); copy += 32)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(copy + 24), Crc32C.Compute(bytes.AsSpan(copy, 24)));
        Span<byte> head = stackalloc byte[12];
        for (int at = ManifestFormat.HeaderBytes; at + ManifestFormat.FrameHeaderBytes <= bytes.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));
            if (length > bytes.Length - at - ManifestFormat.FrameHeaderBytes) return;
            BinaryPrimitives.WriteUInt64LittleEndian(head, Number);
            bytes.AsSpan(at, 4).CopyTo(head[8..]);
            ReadOnlySpan<byte> rest = bytes.AsSpan(at + 8, (int)length + 8);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at + 4), Crc32C.Append(Crc32C.Compute(head), rest));
            at += ManifestFormat.FrameHeaderBytes + (int)length;
        }
    }
}
