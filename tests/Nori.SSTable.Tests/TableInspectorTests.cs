using Nori.Compression;
using Nori.Core;
using Nori.IO;

namespace Nori.SSTable.Tests;

public sealed class TableInspectorTests
{
    private readonly MemoryFileSystem _fileSystem = Model.NewFileSystem();

    [Fact]
    public void A_sound_table_is_shown_block_by_block()
    {
        TableProperties properties = Build(CompressionType.Lz4);
        TableInspection inspection = TableInspector.Inspect(_fileSystem, Model.Path);
        Assert.True(inspection.IsSound);
        Assert.Equal(1, inspection.FormatVersion);
        Assert.Equal(properties.DataBlocks, inspection.Blocks.Count(b => b.Role == "Data"));
        Assert.Equal(properties.IndexBlocks, inspection.Blocks.Count(b => b.Role == "Index"));
        Assert.Equal(properties.Entries, inspection.Blocks.Where(b => b.Role == "Data").Sum(b => b.Entries));
        Assert.Contains(inspection.Blocks, b => b.Compression == CompressionType.Lz4);
        Assert.Single(inspection.RangeDeletes);
        long end = 0;
        foreach (TableBlockInfo block in inspection.Blocks)
        {
            Assert.Equal(end, block.Offset);
            end += block.StoredBytes;
        }

        Assert.Equal(inspection.FileBytes - 72, end);
        TableEntryInfo[] entries = [.. TableInspector.ReadEntries(_fileSystem, Model.Path)];
        Assert.Equal(1000, entries.Length);
        Assert.Equal(Model.Bytes("key00007"), entries[7].Key.ToArray());
    }

    [Fact]
    public void Each_damage_is_listed_with_its_offset_and_the_rest_is_shown()
    {
        Build(CompressionType.None);
        TableInspection sound = TableInspector.Inspect(_fileSystem, Model.Path);
        TableBlockInfo[] data = [.. sound.Blocks.Where(b => b.Role == "Data")];
        TableBlockInfo filter = sound.Blocks.Single(b => b.Role == "Filter");
        _fileSystem.Corrupt(Model.Path, data[3].Offset + 5, 0x10);
        _fileSystem.Corrupt(Model.Path, filter.Offset + 50, 0x01);
        TableInspection inspection = TableInspector.Inspect(_fileSystem, Model.Path);
        Assert.Equal([data[3].Offset, filter.Offset], inspection.Damage.Select(d => d.Offset));
        Assert.Equal(sound.Blocks.Count, inspection.Blocks.Count);
        Assert.Equal(2, inspection.Blocks.Count(b => b.Damage is not null));
        Assert.Equal(1000 - data[3].Entries, TableInspector.ReadEntries(_fileSystem, Model.Path).Count());
    }

    [Fact]
    public void A_file_that_is_no_table_is_one_damage()
    {
        using (IFile file = _fileSystem.Open(Model.Path, FileOpen.CreateNew)) file.Write(0, new byte[500]);
        TableInspection inspection = TableInspector.Inspect(_fileSystem, Model.Path);
        Assert.Equal(428, Assert.Single(inspection.Damage).Offset);
        Assert.Empty(inspection.Blocks);
        Assert.Null(inspection.Properties);
    }

    [Fact]
    public void Any_mutated_file_can_be_inspected()
    {
        Build(CompressionType.Zstd);
        byte[] good = Model.ReadFile(_fileSystem);
        for (ulong seed = 1; seed <= 300; seed++)
        {
            var prng = new Prng(seed);
            byte[] bad = prng.Chance(0.2) ? good[..prng.NextInt(good.Length)] : (byte[])good.Clone();
            for (int flips = prng.NextInt(1, 5); flips > 0 && bad.Length > 0; flips--)
                bad[prng.NextInt(bad.Length)] ^= (byte)(1 << prng.NextInt(8));
            MemoryFileSystem fileSystem = Model.NewFileSystem();
            using (IFile file = fileSystem.Open(Model.Path, FileOpen.CreateNew)) file.Write(0, bad);
            TableInspection inspection = TableInspector.Inspect(fileSystem, Model.Path);
            Assert.False(
                inspection.IsSound && !bad.AsSpan().SequenceEqual(good), $"replay with Prng seed {seed}");
        }
    }

    private TableProperties Build(CompressionType compression)
    {
        using var builder = new TableBuilder(
            _fileSystem, Model.Path, new TableOptions { Compression = compression, IndexBlockBytes = 256 });
        for (int i = 0; i < 1000; i++) builder.Add(Model.Bytes($"key{i:d5}"), new byte[60]);
        builder.AddRangeDelete("a"u8, "b"u8, 4);
        return builder.Finish();
    }
}
