namespace Nori.IO;

/// <summary>
/// An open file of a <see cref="MemoryFileSystem"/>; it stays with the file whatever happens to its name.
/// </summary>
internal sealed class MemoryFile(MemoryFileSystem fileSystem, FileNode node, string path, bool writable) : IFile
{
    private bool _closed;

    public string Path => path;

    public long Length
    {
        get
        {
            lock (fileSystem.Gate)
            {
                CheckOpenLocked("stat");
                return node.Length;
            }
        }
    }

    public int Read(long offset, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        lock (fileSystem.Gate)
        {
            CheckOpenLocked("read");
            return node.Read(offset, buffer);
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        lock (fileSystem.Gate)
        {
            CheckWritableLocked("write");
            fileSystem.ReserveLocked(node, offset + data.Length, path);
            node.Write(offset, data);
        }
    }

    public void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        lock (fileSystem.Gate)
        {
            CheckWritableLocked("write");
            for (int i = 0; i < buffers.Count; i++)
            {
                ReadOnlySpan<byte> data = buffers[i].Span;
                fileSystem.ReserveLocked(node, offset + data.Length, path);
                node.Write(offset, data);
                offset += data.Length;
            }
        }
    }

    public void SetLength(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        lock (fileSystem.Gate)
        {
            CheckWritableLocked("set length");
            node.SetLength(length);
        }
    }

    public void Sync()
    {
        lock (fileSystem.Gate)
        {
            CheckOpenLocked("sync");
            node.Sync();
        }
    }

    public void Dispose()
    {
        lock (fileSystem.Gate) _closed = true;
    }

    private void CheckOpenLocked(string operation)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        fileSystem.CheckPowerLocked(operation, path);
    }

    private void CheckWritableLocked(string operation)
    {
        CheckOpenLocked(operation);
        if (!writable) throw StorageErrors.FromErrno(operation, path, 9 /* EBADF */);
    }
}
