using Nori.Core;
using Nori.IO;
using Nori.Raft.Core;

namespace Nori.Raft.Adapters;

/// <summary>A snapshot file that is not whole yet.</summary>
internal sealed class FileSnapshotStaging : ISnapshotStaging
{
    private const int ReadBytes = 256 << 10;
    private readonly FileSnapshotStore _store;
    private readonly SnapshotMeta _meta;
    private readonly string _path;
    private readonly IFile _file;
    private bool _isOver;

    public FileSnapshotStaging(FileSnapshotStore store, SnapshotMeta meta, string path, IFile file)
    {
        (_store, _meta, _path, _file) = (store, meta, path, file);
        if (file.Length >= SnapshotFile.HeaderBytes && SnapshotFile.HasHeader(file))
        {
            Length = file.Length - SnapshotFile.HeaderBytes;
            return;
        }

        Clear();
    }

    public long Length { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        _file.Write(SnapshotFile.HeaderBytes + Length, bytes);
        Length += bytes.Length;
    }

    public uint ComputeChecksum()
    {
        byte[] buffer = new byte[ReadBytes];
        uint checksum = 0;
        for (long at = 0; at < Length;)
        {
            int count = (int)Math.Min(buffer.Length, Length - at);
            int read = _file.Read(SnapshotFile.HeaderBytes + at, buffer.AsSpan(0, count));
            if (read <= 0) throw new StorageException("read", _path, 0, $"the file ends at byte {at} of {Length}");
            checksum = Crc32C.Append(checksum, buffer.AsSpan(0, read));
            at += read;
        }

        return checksum;
    }

    public void Clear()
    {
        _file.SetLength(0);
        _file.Write(0, SnapshotFile.Header);
        Length = 0;
    }

    public StoredSnapshot Commit(uint checksum)
    {
        StoredSnapshot snapshot = new(_meta, Length, checksum);
        _file.Write(SnapshotFile.HeaderBytes + Length, SnapshotFile.Trailer(snapshot));
        // Sync before rename: the name must not point at bytes that are not there.
        _file.Sync();
        Dispose();
        return _store.Adopt(_path, snapshot);
    }

    public void Dispose()
    {
        if (_isOver) return;
        _isOver = true;
        _file.Dispose();
    }
}
