using Nori.Compression;
using Nori.Core;
using Nori.IO;
using Nori.SSTable.Blocks;
using Nori.SSTable.Format;

namespace Nori.SSTable.Tests;

/// <summary>
/// Mutated real files, with and without repaired checksums: a result or a CorruptionException, in bounded
/// memory.
/// </summary>
public sealed class FuzzTests
{
    [Fact]
    public void Mutated_files_give_a_result_or_corruption()
    {
        for (ulong seed = 1; seed <= 800; seed++)
        {
            var prng = new Prng(seed);
            byte[] bytes = Mutate(prng, MakeTable(prng));
            long before = GC.GetAllocatedBytesForCurrentThread();
            Check(seed, () => CorruptionTests.ReadAll(bytes, out _));
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 64 << 20, $"seed {seed} allocated {allocated} bytes");
        }
    }

    [Fact]
    public void Forged_blocks_with_good_checksums_give_a_result_or_corruption()
    {
        int corrupt = 0;
        for (ulong seed = 1; seed <= 800; seed++)
        {
            var prng = new Prng(seed);
            byte[] bytes = MakeTable(prng);
            Forge(prng, bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Check(seed, () =>
            {
                CorruptionTests.ReadAllUnchecked(bytes, out CorruptionException? damage);
                if (damage is not null) corrupt++;
            });
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 160 << 20, $"seed {seed} allocated {allocated} bytes");
        }

        Assert.InRange(corrupt, 250, 800);
    }

    [Fact]
    public void Random_bytes_are_never_a_block_that_breaks_a_reader()
    {
        BlockRole[] roles = [BlockRole.Data, BlockRole.Index, BlockRole.RangeDeletes, BlockRole.Properties];
        for (ulong seed = 1; seed <= 20_000; seed++)
        {
            var prng = new Prng(seed);
            byte[] bytes = MakeBlock(prng);
            BlockRole role = roles[prng.NextInt(roles.Length)];
            string? problem = BlockValidator.Validate(bytes, role, handleEnd: 1000, out BlockLayout layout);
            if (problem is not null) continue;
            Check(seed, () => WalkBlock(prng, new Block(bytes, role, layout), layout.EntryCount));
        }
    }

    private static void WalkBlock(Prng prng, Block block, int count)
    {
        var cursor = new BlockCursor();
        cursor.Reset(block);
        int forward = 0;
        for (cursor.SeekToFirst(); cursor.Valid; cursor.Next()) forward++;
        int backward = 0;
        for (cursor.SeekToLast(); cursor.Valid; cursor.Prev()) backward++;
        Assert.Equal(count, forward);
        Assert.Equal(count, backward);
        byte[] key = new byte[prng.NextInt(5)];
        prng.Fill(key);
        cursor.Seek(key, 5);
        bool found = BlockSearch.TryFind(block, key, 5, out EntryHeader entry, out bool sameKey);
        Assert.Equal(cursor.Valid, found);
        if (!found) return;
        Assert.Equal(cursor.Trailer, entry.Trailer);
        Assert.Equal(cursor.Key.SequenceEqual(key), sameKey);
    }

    // A real block with some bytes changed, so that many are almost right.
    private static byte[] MakeBlock(Prng prng)
    {
        var builder = new BlockBuilder(prng.NextInt(1, 5));
        for (int i = 0; i < prng.NextInt(0, 12); i++)
        {
            byte[] key = [(byte)(i * 10), (byte)prng.NextInt(256)];
            builder.Add(key, (ulong)prng.NextInt(4) << 8 | 1, new byte[prng.NextInt(3)]);
        }

        byte[] bytes = builder.Finish().ToArray();
        for (int flips = prng.NextInt(4); flips > 0; flips--)
            bytes[prng.NextInt(bytes.Length)] = (byte)prng.NextInt(prng.Chance(0.5) ? 8 : 256);
        return bytes;
    }

    private static byte[] MakeTable(Prng prng)
    {
        MemoryFileSystem fileSystem = Model.NewFileSystem();
        (string, string, ulong)[] ranges = prng.Chance(0.5) ? [("a", "b", 7), ("k", "z", 3)] : [];
        Model.Build(
            fileSystem, Model.RandomEntries(prng, prng.NextInt(0, 30)), Model.RandomOptions(prng), ranges);
        return Model.ReadFile(fileSystem);
    }

    private static byte[] Mutate(Prng prng, byte[] bytes)
    {
        switch (prng.NextInt(5))
        {
            case 0: return bytes[..prng.NextInt(bytes.Length)];
            case 1:
                int from = prng.NextInt(bytes.Length);
                return [.. bytes[..from], .. bytes[prng.NextInt(bytes.Length)..]];
            case 2:
                int length = prng.NextInt(1, Math.Min(64, bytes.Length));
                int source = prng.NextInt(bytes.Length - length);
                int target = prng.NextInt(bytes.Length - length);
                bytes.AsSpan(source, length).CopyTo(bytes.AsSpan(target));
                return bytes;
            case 3:
                bytes.AsSpan(prng.NextInt(bytes.Length)).Clear();
                return bytes;
            default:
                for (int flips = prng.NextInt(1, 6); flips > 0; flips--)
                    bytes[prng.NextInt(bytes.Length)] = (byte)prng.NextUInt32();
                return bytes;
        }
    }

    // Changes bytes of one block, its trailer included, and makes its checksum right again: a writer with a
    // bug.
    private static void Forge(Prng prng, byte[] bytes)
    {
        MemoryFileSystem fileSystem = Model.NewFileSystem();
        using (IFile file = fileSystem.Open(Model.Path, FileOpen.CreateNew)) file.Write(0, bytes);
        TableInspection inspection = TableInspector.Inspect(fileSystem, Model.Path);
        TableBlockInfo block = inspection.Blocks[prng.NextInt(inspection.Blocks.Count)];
        Span<byte> stored = bytes.AsSpan((int)block.Offset, (int)block.StoredBytes);
        int changeable = stored.Length - sizeof(uint);
        for (int flips = prng.NextInt(1, 4); flips > 0; flips--)
        {
            int at = prng.Chance(0.3)
                ? changeable - 1 - prng.NextInt(Math.Min(14, changeable))
                : prng.NextInt(changeable);
            stored[at] = prng.Chance(0.5) ? (byte)prng.NextInt(6) : (byte)prng.NextUInt32();
        }

        Span<byte> place = stackalloc byte[16];
        BitConverter.TryWriteBytes(place, inspection.Properties!.TableId);
        BitConverter.TryWriteBytes(place[8..], block.Offset);
        uint checksum = Crc32C.Append(Crc32C.Compute(place), stored[..changeable]);
        BitConverter.TryWriteBytes(stored[changeable..], checksum);
    }

    private static void Check(ulong seed, Action read)
    {
        try
        {
            read();
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"replay with Prng seed {seed}: {e.GetType().Name}", e);
        }
    }
}
