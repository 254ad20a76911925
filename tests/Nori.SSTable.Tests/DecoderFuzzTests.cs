using System.Buffers.Binary;
using Nori.Core;
using Nori.Fuzzing;
using Nori.SSTable.Blocks;
using Nori.SSTable.Filter;
using Nori.SSTable.Format;

namespace Nori.SSTable.Tests;

/// <summary>L9: each decoder of a table by itself, with any bytes. FuzzTests has whole files.</summary>
public sealed class DecoderFuzzTests
{
    private const string Project = "Nori.SSTable.Tests";

    [Fact]
    public void Data_blocks() => new Fuzzer(Project, "block").Run(
        [MakeBlock(3, 20, handles: false), MakeBlock(1, 1, handles: false), MakeBlock(16, 0, handles: false)],
        bytes => Walk(bytes, BlockRole.Data));

    [Fact]
    public void Index_blocks() => new Fuzzer(Project, "index").Run(
        [MakeBlock(1, 12, handles: true)],
        bytes =>
        {
            bool taken = Walk(bytes, BlockRole.Index);
            if (!taken) return false;
            var cursor = new BlockCursor();
            cursor.Reset(BlockOf(bytes, BlockRole.Index)!.Value);
            for (cursor.SeekToFirst(); cursor.Valid; cursor.Next())
            {
                BlockHandle handle = TableReader.ParseHandle(cursor.Value);
                Assert.True(handle.Offset >= 0 && handle.Length >= 0 && handle.End <= HandleEnd);
            }

            return true;
        });

    [Fact]
    public void Range_delete_blocks() => new Fuzzer(Project, "range-deletes").Run(
        [RangeDeletes()],
        bytes =>
        {
            Block? block = BlockOf(bytes, BlockRole.RangeDeletes);
            RangeDelete[]? decoded = block is null ? null : RangeDeleteList.Decode(block.Value);
            if (decoded is null) return false;
            foreach (RangeDelete r in decoded) Assert.True(r.Start.Span.SequenceCompareTo(r.End.Span) < 0);
            return true;
        });

    [Fact]
    public void Filters() => new Fuzzer(Project, "filter").Run(
        [BloomFilter.Build([1, 2, 3, ulong.MaxValue], 10), BloomFilter.Build([], 1), BloomFilter.Build([9], 32)],
        bytes =>
        {
            if (BloomFilter.Validate(bytes) is not null) return false;
            var random = new Prng(1);
            for (int i = 0; i < 20; i++) BloomFilter.MayContain(bytes, random.NextUInt64());
            return true;
        });

    [Fact]
    public void Footers()
    {
        byte[] valid = new byte[TableFormat.FooterBytes];
        new Footer(new BlockHandle(190, 30), new BlockHandle(100, 50), new BlockHandle(160, 20), new BlockHandle(230, 60), 5)
            .Write(valid);
        new Fuzzer(Project, "footer").Run(
            [valid],
            bytes =>
            {
                if (bytes.Length != TableFormat.FooterBytes) return false;
                Footer footer = Footer.Parse(bytes, "/t", 300);
                Assert.True(footer.Properties.End <= 300 && footer.TopIndex.End <= 300);
                return true;
            },
            bytes =>
            {
                if (bytes.Length < TableFormat.FooterBytes) return;
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(64), TableFormat.Magic);
                uint checksum = Crc32C.Append(Crc32C.Compute(bytes.AsSpan(0, 60)), bytes.AsSpan(64, 8));
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(60), checksum);
            });
    }

    [Fact]
    public void Properties()
    {
        byte[] valid = PropertiesCodec.Encode(new TableProperties
        {
            Entries = 5, SmallestKey = "a"u8.ToArray(), LargestKey = "z"u8.ToArray(), LargestSequence = 9, TableId = 3,
            UserProperties = new Dictionary<string, ReadOnlyMemory<byte>> { ["mine"] = new byte[3] },
        });
        new Fuzzer(Project, "properties").Run([valid], bytes =>
        {
            Block? block = BlockOf(bytes, BlockRole.Properties);
            return block is not null && PropertiesCodec.Decode(block.Value, out _) is not null;
        });
    }

    private const long HandleEnd = 1 << 20;

    private static Block? BlockOf(byte[] bytes, BlockRole role) =>
        BlockValidator.Validate(bytes, role, HandleEnd, out BlockLayout layout) is null ? new Block(bytes, role, layout) : null;

    private static bool Walk(byte[] bytes, BlockRole role)
    {
        if (BlockOf(bytes, role) is not { } block) return false;
        var cursor = new BlockCursor();
        cursor.Reset(block);
        var keys = new List<byte[]>();
        for (cursor.SeekToFirst(); cursor.Valid; cursor.Next()) keys.Add(cursor.Key.ToArray());
        int at = keys.Count;
        for (cursor.SeekToLast(); cursor.Valid; cursor.Prev()) Assert.Equal(keys[--at], cursor.Key.ToArray());
        Assert.Equal(0, at);
        foreach (byte[] key in keys)
        {
            cursor.Seek(key, (long)TableFormat.SequenceMax);
            Assert.True(cursor.Valid && cursor.Key.SequenceEqual(key));
        }

        return true;
    }

    private static byte[] MakeBlock(int restartInterval, int entries, bool handles)
    {
        var builder = new BlockBuilder(restartInterval);
        Span<byte> handle = stackalloc byte[32];
        for (int i = 0; i < entries; i++)
        {
            byte[] key = [(byte)'k', (byte)(i / 4), (byte)(i % 4 * 50)];
            int length = handles ? new BlockHandle(i * 100, 80).Write(handle) : 5;
            builder.Add(key, ((ulong)(100 - i) << 8) | 1, handles ? handle[..length] : "value"u8);
        }

        return builder.Finish().ToArray();
    }

    private static byte[] RangeDeletes()
    {
        var list = new RangeDeleteList();
        list.Add("a"u8, "c"u8, 5);
        list.Add("b"u8, "d"u8, 7);
        return list.Encode();
    }
}
