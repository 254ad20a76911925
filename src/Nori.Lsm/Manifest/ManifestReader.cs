using Nori.IO;

namespace Nori.Lsm.Manifest;

/// <summary>
/// Reads a manifest's edits: each whole in at least one copy, without a gap, up to a tail that a crash cut.
/// </summary>
internal sealed class ManifestReader
{
    // A frame further ahead than this is not taken for one of this manifest: bounds what stray bytes can pass for.
    private const ulong EditsAheadMax = 1 << 20;

    private readonly string _path;
    private readonly byte[] _file;

    private ManifestReader(string path, byte[] file)
    {
        _path = path;
        _file = file;
    }

    public ulong Number { get; private set; }

    public List<(VersionEdit Edit, long Offset)> Edits { get; } = [];

    /// <summary>The file's length.</summary>
    public long Bytes => _file.Length;

    /// <summary>Bytes behind the last whole edit.</summary>
    public long TornBytes { get; private set; }

    /// <summary>Offsets where a copy was damaged and the other one served.</summary>
    public List<long> Healed { get; } = [];

    /// <exception cref="CorruptionException">An edit is damaged in both copies and later ones exist; or no
    /// header.</exception>
    public static ManifestReader Read(IFileSystem files, string path)
    {
        using IFile file = files.Open(path, FileOpen.Read);
        byte[] bytes = new byte[checked((int)file.Length)];
        int read = file.Read(0, bytes);
        return Read(path, read == bytes.Length ? bytes : bytes[..read]);
    }

    public static ManifestReader Read(string path, byte[] bytes)
    {
        var reader = new ManifestReader(path, bytes);
        reader.ReadHeader();
        reader.ReadEdits();
        return reader;
    }

    private void ReadHeader()
    {
        if (!ManifestFormat.TryDecodeHeader(_file, out uint format, out ulong number))
            throw new CorruptionException(_path, 0, "the header of a manifest", $"{_file.Length} other bytes");
        if (!ManifestFormat.IsKnownFormat(format))
            throw new CorruptionException(_path, 8, "manifest format 1", $"format {format}; a newer version may read it");
        Number = number;
        if (ManifestFormat.DamagedHeaderCopy(_file) is { } copy) Healed.Add(copy);
    }

    private void ReadEdits()
    {
        long offset = ManifestFormat.HeaderBytes;
        ulong next = 1;
        while (offset < _file.Length)
        {
            long at = FindFrame(offset, next, out ulong found, out int length);
            if (at < 0)
            {
                TornBytes = _file.Length - offset;
                break;
            }

            if (found > next) throw Gap(offset, next, found, at);
            if (at > offset) Healed.Add(offset);
            long end = at + ManifestFormat.FrameHeaderBytes + length;
            Add(at, length);

            // The twin, unless it is the one just read.
            bool twin = ManifestFormat.TryReadFrame(_file, end, Number, next, next, out _, out int twinLength);
            if (twin) end += ManifestFormat.FrameHeaderBytes + twinLength;
            else if (at == offset && end < _file.Length) end = SkipDamagedTwin(end, next);
            offset = end;
            next++;
        }

        if (Edits.Count == 0)
            throw new CorruptionException(_path, ManifestFormat.HeaderBytes, "edit 1, the whole state", "no whole edit");
    }

    /// <summary>
    /// Behind a first copy whose twin is damaged: at the next edit, or at the end when there is none.
    /// </summary>
    private long SkipDamagedTwin(long from, ulong number)
    {
        long at = FindFrame(from, number + 1, out ulong found, out _);
        if (at >= 0 && found > number + 1) throw Gap(from, number + 1, found, at);
        if (at >= 0)
        {
            Healed.Add(from);
            return at;
        }

        TornBytes = _file.Length - from;
        return _file.Length;
    }

    private CorruptionException Gap(long offset, ulong expected, ulong found, long at) =>
        new(_path, offset, $"edit {expected} in one of two copies", $"none, but edit {found} at {at}");

    private long FindFrame(long from, ulong least, out ulong number, out int length)
    {
        for (long at = from; at <= _file.Length - ManifestFormat.FrameHeaderBytes; at++)
        {
            ulong greatest = least + EditsAheadMax;
            if (ManifestFormat.TryReadFrame(_file, at, Number, least, greatest, out number, out length)) return at;
        }

        number = 0;
        length = 0;
        return -1;
    }

    private void Add(long at, int length)
    {
        ReadOnlySpan<byte> payload = _file.AsSpan((int)at + ManifestFormat.FrameHeaderBytes, length);
        if (!VersionEdit.TryDecode(payload, out VersionEdit edit))
            throw new CorruptionException(_path, at, "an edit of format 1", "fields this version does not know");
        Edits.Add((edit, at));
    }
}
