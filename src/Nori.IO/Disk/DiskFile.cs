using Microsoft.Win32.SafeHandles;

namespace Nori.IO;

/// <summary>A file of the operating system.</summary>
internal sealed class DiskFile(string path, SafeFileHandle handle) : IFile
{
    public string Path => path;

    public long Length
    {
        get
        {
            try
            {
                return RandomAccess.GetLength(handle);
            }
            catch (Exception e) when (StorageErrors.IsRefusal(e))
            {
                throw StorageErrors.From("stat", path, e);
            }
        }
    }

    public int Read(long offset, Span<byte> buffer)
    {
        int total = 0;
        try
        {
            // pread may return less than asked before the end of the file (signals, network file systems).
            while (total < buffer.Length)
            {
                int read = RandomAccess.Read(handle, buffer[total..], offset + total);
                if (read == 0) break;
                total += read;
            }

            return total;
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From("read", path, e);
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        try
        {
            RandomAccess.Write(handle, data, offset);
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From("write", path, e);
        }
    }

    public void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
    {
        try
        {
            RandomAccess.Write(handle, buffers, offset);
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From("write", path, e);
        }
    }

    public void SetLength(long length)
    {
        try
        {
            RandomAccess.SetLength(handle, length);
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From("set length", path, e);
        }
    }

    public void Sync()
    {
        if (OperatingSystem.IsLinux())
        {
            // Never retried, not even for EINTR: after one failure the kernel may have marked the pages clean, so a
            // second call can succeed over lost bytes. RandomAccess.FlushToDisk would swallow the error altogether.
            if (LibC.Fdatasync(handle) != 0) throw StorageErrors.Last("sync", path);
            return;
        }

        try
        {
            // FlushFileBuffers on Windows, F_FULLFSYNC on macOS (where fsync alone does not reach the medium).
#pragma warning disable RS0030 // Banned for what it does on Linux; this is the other branch.
            RandomAccess.FlushToDisk(handle);
#pragma warning restore RS0030
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From("sync", path, e);
        }
    }

    public void Dispose() => handle.Dispose();
}
