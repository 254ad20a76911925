namespace Nori.IO;

/// <summary>What many users of <see cref="IFileSystem"/> need, made from its members.</summary>
public static class FileSystemExtensions
{
    /// <summary>The whole file.</summary>
    /// <param name="fileSystem">Where it lies.</param>
    /// <param name="path">Its path.</param>
    /// <param name="bytesMax">The most that is read; a longer file throws <see cref="StorageException"/>.</param>
    public static byte[] ReadAllBytes(this IFileSystem fileSystem, string path, int bytesMax = 64 * 1024 * 1024)
    {
        using IFile file = fileSystem.Open(path, FileOpen.Read);
        long length = file.Length;
        if (length > bytesMax)
        {
            string detail = $"the file has {length} bytes; at most {bytesMax} are read at once";
            throw new StorageException("read", path, 0, detail);
        }

        byte[] bytes = new byte[length];
        int read = file.Read(0, bytes);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    /// <summary>
    /// Puts the bytes under the name so that a crash at any moment leaves the old file or the new one, whole: writes
    /// <c>PATH.tmp</c>, syncs it, renames it over the target, syncs the directory. A left-over <c>.tmp</c> is
    /// overwritten.
    /// </summary>
    public static void ReplaceFile(this IFileSystem fileSystem, string path, ReadOnlySpan<byte> bytes)
    {
        string temporary = path + ".tmp";
        using (IFile file = fileSystem.Open(temporary, FileOpen.OpenOrCreate))
        {
            file.SetLength(0);
            file.Write(0, bytes);

            // Sync before rename: a crash in between must not leave the name pointing at bytes that are not there.
            file.Sync();
        }

        fileSystem.Rename(temporary, path);
        fileSystem.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
