using Nori.IO;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm.Scrub;

/// <summary>One table being checked: from the disk, past every cache.</summary>
internal sealed class TableScrub : IDisposable
{
    private readonly IFileSystem _files;
    private readonly ScrubTable _table;
    private readonly List<LsmScrubFinding> _findings;
    private TableReader? _reader;
    private TableVerifier? _verifier;
    private bool _opened;

    public TableScrub(IFileSystem files, ScrubTable table, List<LsmScrubFinding> findings)
    {
        _files = files;
        _table = table;
        _findings = findings;
    }

    public ulong Number => _table.Number;

    public long BytesChecked { get; private set; }

    /// <summary>Checks about that many bytes; false at the table's end, also where it ended in damage.</summary>
    /// <exception cref="StorageException">It could not be opened for want of handles or memory: nothing is known of it.</exception>
    public bool RunOnce(long bytes)
    {
        try
        {
            if (!_opened) Open();
            bool more = _verifier!.RunOnce(bytes);
            BytesChecked = _verifier.BytesChecked;
            return more;
        }
        catch (CorruptionException e)
        {
            AddAll(e);
            return false;
        }
        catch (StorageException e) when (!e.IsShortage)
        {
            _findings.Add(new LsmScrubFinding(_table.Path, BytesChecked, e.Message, IsDamage: true));
            return false;
        }
    }

    public void Dispose()
    {
        _verifier?.Dispose();
        _reader?.Dispose();
        _table.Dispose();
    }

    private void Open()
    {
        _reader = TableReader.Open(_files, _table.Path, new TableReaderOptions { PrivateCacheBytes = 0 });
        _opened = true;
        if (_table.Meta is { } meta) Compare(meta, _reader.Properties);
        _verifier = _reader.NewVerifier();
    }

    /// <summary>A sound table under the name of another is no less a loss.</summary>
    private void Compare(TableMeta meta, TableProperties properties)
    {
        bool same = properties.FileBytes == meta.Bytes && properties.Entries == meta.Entries
            && properties.Deletes == meta.Deletes && properties.RangeDeletes == meta.RangeDeletes;
        if (same) return;
        throw new CorruptionException(
            _table.Path, 0, $"{meta.Bytes} bytes, {meta.Entries} entries, {meta.Deletes} deletes, {meta.RangeDeletes} "
            + "range deletes, as the manifest says",
            $"{properties.FileBytes} bytes, {properties.Entries} entries, {properties.Deletes} deletes, "
            + $"{properties.RangeDeletes} range deletes");
    }

    /// <summary>The verifier stops at the first damage; the inspector goes on past it.</summary>
    private void AddAll(CorruptionException first)
    {
        TableInspection all = TableInspector.Inspect(_files, _table.Path);
        BytesChecked = all.FileBytes;
        if (!all.Damage.Any(damage => damage.Offset == first.Offset)) _findings.Add(ManifestFindings.Of(first));
        foreach (TableDamage damage in all.Damage)
            _findings.Add(new LsmScrubFinding(_table.Path, damage.Offset, damage.Description, IsDamage: true));
    }
}
