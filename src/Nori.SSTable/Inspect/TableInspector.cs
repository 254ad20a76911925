using Nori.IO;
using Nori.SSTable.Blocks;
using Nori.SSTable.Format;

namespace Nori.SSTable;

/// <summary>Looks into a table file, damaged or not, for people: never stops at the first damage.</summary>
public static class TableInspector
{
    /// <summary>Reads every block that can be found and says what is there and what is wrong.</summary>
    /// <exception cref="StorageException">The file cannot be opened or read.</exception>
    public static TableInspection Inspect(IFileSystem fileSystem, string path)
    {
        using IFile file = fileSystem.Open(path, FileOpen.Read);
        return new TableSurvey(file).Run();
    }

    /// <summary>
    /// The point entries of every sound data block that can be found, in order, read lazily; damaged blocks
    /// are left out (<see cref="Inspect"/> names them). Keys and values are copies.
    /// </summary>
    /// <exception cref="StorageException">The file cannot be opened or read.</exception>
    /// <exception cref="CorruptionException">
    /// The footer or the top index is damaged: no block can be found.
    /// </exception>
    public static IEnumerable<TableEntryInfo> ReadEntries(IFileSystem fileSystem, string path)
    {
        using IFile file = fileSystem.Open(path, FileOpen.Read);
        long length = file.Length;
        Footer footer = Footer.Read(file, length);
        var loader = new BlockLoader(file, length, footer.TableId);
        Block top = loader.ReadBlock(footer.TopIndex, BlockRole.TopIndex, expectCompressed: false);
        foreach (BlockHandle indexHandle in TableSurvey.HandlesOf(top))
        {
            if (!TryRead(loader, indexHandle, BlockRole.Index, out Block index)) continue;
            foreach (BlockHandle handle in TableSurvey.HandlesOf(index))
            {
                if (!TryRead(loader, handle, BlockRole.Data, out Block data)) continue;
                foreach (TableEntryInfo entry in EntriesOf(data, handle.Offset)) yield return entry;
            }
        }
    }

    private static bool TryRead(BlockLoader loader, BlockHandle handle, BlockRole role, out Block block)
    {
        try
        {
            block = loader.ReadBlock(handle, role, expectCompressed: false);
            return true;
        }
        catch (CorruptionException)
        {
            block = default;
            return false;
        }
    }

    private static List<TableEntryInfo> EntriesOf(Block block, long offset)
    {
        var entries = new List<TableEntryInfo>();
        var cursor = new BlockCursor();
        cursor.Reset(block);
        for (cursor.SeekToFirst(); cursor.Valid; cursor.Next())
        {
            entries.Add(new TableEntryInfo(
                offset, cursor.Key.ToArray(), cursor.Trailer >> 8, (EntryKind)(byte)cursor.Trailer,
                cursor.Value.ToArray()));
        }

        return entries;
    }
}
