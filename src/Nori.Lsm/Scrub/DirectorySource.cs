using Nori.IO;
using Nori.Lsm.Manifest;
using Nori.Lsm.Versions;
using Nori.Wal;

namespace Nori.Lsm.Scrub;

/// <summary>A directory that no engine has open. Without a manifest that can be read, every table file there is checked.</summary>
internal sealed class DirectorySource : ScrubSource
{
    private readonly SortedDictionary<ulong, (TableMeta? Meta, long Bytes)> _tables = [];
    private readonly List<LsmScrubFinding> _found = [];
    private readonly long _manifestBytes;

    public DirectorySource(IFileSystem files, string directory, string? logDirectory)
        : base(files, directory, logDirectory)
    {
        ManifestInspection manifest = LsmInspector.InspectManifest(files, directory);
        ManifestFindings.Add(_found, files, directory, manifest);
        _manifestBytes = manifest.Bytes;
        StoredState? state = TryRead(manifest.Damage.Count == 0);
        if (state is not null && logDirectory == Path.Combine(directory, FileNames.WalDirectory))
        {
            LogDurable = state.LogDurable;
            if (LogSegments.List(files, directory).Check(state.LogPosition) is { } damage) _found.Add(ManifestFindings.Of(damage));
        }

        foreach (string name in files.List(directory))
        {
            if (!FileNames.TryParseTable(name, out ulong number)) continue;
            (int Level, TableMeta Meta) known = default;
            if (state is not null && !state.Tables.TryGetValue(number, out known)) continue;
            _tables[number] = (known.Meta, LengthOf(Path.Combine(directory, name)));
        }

        foreach (ulong number in state?.Tables.Keys ?? Enumerable.Empty<ulong>())
        {
            if (_tables.ContainsKey(number)) continue;
            string missing = Path.Combine(directory, FileNames.Table(number));
            string what = "expected a table that the manifest names, found no such file";
            _found.Add(new LsmScrubFinding(missing, 0, what, IsDamage: true));
        }

        foreach (string orphan in state?.Orphans ?? [])
        {
            string what = "nothing refers to it: the next opening deletes it";
            _found.Add(new LsmScrubFinding(Path.Combine(directory, orphan), 0, what, IsDamage: false));
        }
    }

    public override bool IsLive => false;

    public override (int Tables, long Bytes) Extent(ulong above) =>
        (_tables.Count(t => t.Key > above), _tables.Where(t => t.Key > above).Sum(t => t.Value.Bytes));

    public override ScrubTable? Take(ulong above)
    {
        foreach ((ulong number, (TableMeta? meta, _)) in _tables)
            if (number > above) return new ScrubTable(number, Path.Combine(Directory, FileNames.Table(number)), meta, null);
        return null;
    }

    public override long CheckManifest(List<LsmScrubFinding> findings)
    {
        findings.AddRange(_found);
        return _manifestBytes;
    }

    private StoredState? TryRead(bool manifestIsSound)
    {
        try
        {
            return manifestIsSound ? StoredState.Read(Files, Directory, tablesMayMiss: true) : null;
        }
        catch (CorruptionException e)
        {
            _found.Add(ManifestFindings.Of(e));
            return null;
        }
    }

    private long LengthOf(string path)
    {
        try
        {
            using IFile file = Files.Open(path, FileOpen.Read);
            return file.Length;
        }
        catch (StorageException)
        {
            // Named when it is read.
            return 0;
        }
    }
}
