using Nori.IO;
using Nori.Lsm.Manifest;
using Nori.Lsm.Versions;
using Nori.Wal;

namespace Nori.Lsm.Ingestion;

/// <summary>Writes an engine's directory out of hard links and a manifest of its own.</summary>
internal static class Checkpoint
{
    /// <summary>CURRENT comes last: a crash before it leaves a directory that is no engine.</summary>
    public static void Write(IFileSystem files, string source, string target, VersionEdit whole)
    {
        files.CreateDirectory(target);
        foreach ((_, TableMeta meta) in whole.Added)
        {
            string name = FileNames.Table(meta.Number);
            files.HardLink(Path.Combine(source, name), Path.Combine(target, name));
        }

        // The copy begins a log of its own: everything is in tables.
        whole.LogPosition = WalPosition.Start;
        whole.StoreId = Guid.NewGuid();
        ulong manifest = whole.NextFileNumber ?? 1;
        whole.NextFileNumber = manifest + 1;
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
}
