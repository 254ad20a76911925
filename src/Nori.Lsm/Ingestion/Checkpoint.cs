using Nori.IO;
using Nori.Lsm.Manifest;
using Nori.Lsm.Versions;
using Nori.Wal;

namespace Nori.Lsm.Ingestion;

/// <summary>Writes an engine's directory out of hard links and a manifest of its own.</summary>
internal static class Checkpoint
{
    /// <summary>CURRENT comes last: a crash before it leaves a directory that is no engine. What fails leaves it empty.</summary>
    public static void Write(IFileSystem files, string source, string target, VersionEdit whole)
    {
        files.CreateDirectory(target);
        ulong manifest = whole.NextFileNumber ?? 1;
        whole.NextFileNumber = manifest + 1;
        try
        {
            Fill(files, source, target, manifest, whole);
        }
        catch
        {
            Empty(files, target, manifest, whole);
            throw;
        }
    }

    private static void Fill(IFileSystem files, string source, string target, ulong manifest, VersionEdit whole)
    {
        foreach ((_, TableMeta meta) in whole.Added)
        {
            string name = FileNames.Table(meta.Number);
            files.HardLink(Path.Combine(source, name), Path.Combine(target, name));
        }

        // The copy begins a log of its own: everything is in tables.
        whole.LogPosition = WalPosition.Start;
        whole.LogDurable = null;
        whole.StoreId = Guid.NewGuid();
        using var writer = new ManifestWriter(files, target, long.MaxValue);
        try
        {
            writer.Begin(manifest, whole);
        }
        catch (LsmFailedException e) when (e.InnerException is StorageException cause)
        {
            // The copy is in doubt, not the engine it was taken of.
            throw new StorageException(cause.Operation, cause.Path, cause.Errno, cause.Message);
        }
    }

    private static void Empty(IFileSystem files, string target, ulong manifest, VersionEdit whole)
    {
        // CURRENT first: without it the rest is no engine that lacks tables.
        IEnumerable<string> tables = whole.Added.Select(static added => FileNames.Table(added.Meta.Number));
        foreach (string name in (string[])[FileNames.Current, FileNames.CurrentTemporary, FileNames.Manifest(manifest), .. tables])
        {
            try
            {
                if (files.FileExists(Path.Combine(target, name))) files.Delete(Path.Combine(target, name));
            }
            catch (StorageException)
            {
                // It stays, and its name with the caller who asks again: the directory is not empty.
            }
        }
    }
}
