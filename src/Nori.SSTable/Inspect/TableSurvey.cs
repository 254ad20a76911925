using Nori.Compression;
using Nori.IO;
using Nori.SSTable.Blocks;
using Nori.SSTable.Filter;
using Nori.SSTable.Format;

namespace Nori.SSTable;

/// <summary>One inspection of a file: gathers blocks and damages as it goes.</summary>
internal sealed class TableSurvey
{
    private readonly IFile _file;
    private readonly long _length;
    private readonly List<TableBlockInfo> _blocks = [];
    private readonly List<TableDamage> _damage = [];
    private BlockLoader _loader;

    public TableSurvey(IFile file)
    {
        _file = file;
        _length = file.Length;
        _loader = new BlockLoader(file, _length, tableId: 0);
    }

    public TableInspection Run()
    {
        var result = new TableInspection { Path = _file.Path, FileBytes = _length };
        Footer footer = default;
        if (!Try(() => footer = Footer.Read(_file, _length), out _)) return result with { Damage = _damage };

        _loader = new BlockLoader(_file, _length, footer.TableId);
        TableProperties? properties = ReadProperties(footer);
        SurveyIndex(footer);
        if (!footer.Filter.IsAbsent) SurveyFilter(footer.Filter);
        RangeDelete[] rangeDeletes = footer.RangeDeletes.IsAbsent
            ? []
            : ReadRangeDeletes(footer.RangeDeletes);
        if (_damage.Count == 0) VerifyWhole();

        _blocks.Sort((a, b) => a.Offset.CompareTo(b.Offset));
        _damage.Sort((a, b) => a.Offset.CompareTo(b.Offset));
        return result with
        {
            FormatVersion = TableFormat.Version,
            Properties = properties is null
                ? null
                : properties with { TableId = footer.TableId, FileBytes = _length },
            Blocks = _blocks,
            RangeDeletes = rangeDeletes,
            Damage = _damage,
        };
    }

    public static List<BlockHandle> HandlesOf(Block block)
    {
        var handles = new List<BlockHandle>();
        var cursor = new BlockCursor();
        cursor.Reset(block);
        for (cursor.SeekToFirst(); cursor.Valid; cursor.Next())
            handles.Add(TableReader.ParseHandle(cursor.Value));
        return handles;
    }

    private void SurveyIndex(Footer footer)
    {
        if (Survey(footer.TopIndex, BlockRole.TopIndex) is not { } top) return;
        foreach (BlockHandle indexHandle in HandlesOf(top))
        {
            if (Survey(indexHandle, BlockRole.Index) is not { } index) continue;
            foreach (BlockHandle handle in HandlesOf(index)) Survey(handle, BlockRole.Data);
        }
    }

    private void SurveyFilter(BlockHandle handle)
    {
        bool isSound = Try(
            () =>
            {
                byte[] filter = _loader.ReadPayload(
                    handle, BlockRole.Filter, expectCompressed: false, out int length);
                string? problem = BloomFilter.Validate(filter.AsSpan(0, length));
                if (problem is not null)
                    throw new CorruptionException(_file.Path, handle.Offset, "a bloom filter", problem);
            },
            out string? damage);
        _blocks.Add(
            Info(handle, BlockRole.Filter, isSound ? handle.Length : 0, CompressionType.None, 0, damage));
    }

    private TableProperties? ReadProperties(Footer footer)
    {
        if (Survey(footer.Properties, BlockRole.Properties) is not { } block) return null;
        TableProperties? properties = PropertiesCodec.Decode(block, out string problem);
        if (properties is null)
            _damage.Add(new TableDamage(footer.Properties.Offset, $"properties with {problem}"));
        return properties;
    }

    private RangeDelete[] ReadRangeDeletes(BlockHandle handle)
    {
        if (Survey(handle, BlockRole.RangeDeletes) is not { } block) return [];
        RangeDelete[]? ranges = RangeDeleteList.Decode(block);
        if (ranges is null) _damage.Add(new TableDamage(handle.Offset, "a range that ends before it starts"));
        return ranges ?? [];
    }

    // Each block is sound: now whether they fit each other.
    private void VerifyWhole() => Try(
        () =>
        {
            // The survey's file stays open for its owner; the reader gets a view that does not close it.
            using TableReader reader = TableReader.Open(
                new UnownedFile(_file), new TableReaderOptions { PrivateCacheBytes = 0 });
            reader.VerifyChecksums();
        },
        out _);

    private Block? Survey(BlockHandle handle, BlockRole role)
    {
        Block? block = null;
        int length = 0;
        int entries = 0;
        var compression = CompressionType.None;
        bool isSound = Try(
            () =>
            {
                compression = _loader.ReadTrailer(handle, role).Compression;
                byte[] bytes = _loader.ReadPayload(handle, role, expectCompressed: false, out length);
                block = new Block(
                    bytes, role, _loader.Validate(bytes.AsSpan(0, length), role, handle.Offset));
                var cursor = new BlockCursor();
                cursor.Reset(block.Value);
                for (cursor.SeekToFirst(); cursor.Valid; cursor.Next()) entries++;
            },
            out string? damage);
        _blocks.Add(Info(handle, role, length, compression, entries, damage));
        return isSound ? block : null;
    }

    private bool Try(Action read, out string? damage)
    {
        try
        {
            read();
            damage = null;
            return true;
        }
        catch (CorruptionException e)
        {
            damage = $"expected {e.Expected}, found {e.Actual}";
            _damage.Add(new TableDamage(e.Offset, damage));
            return false;
        }
    }

    private static TableBlockInfo Info(
        BlockHandle handle, BlockRole role, int length, CompressionType compression, int entries,
        string? damage) =>
        new(role.ToString(), handle.Offset, handle.End - handle.Offset, length, compression, entries, damage);
}
