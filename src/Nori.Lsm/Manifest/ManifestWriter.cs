using Nori.Core;
using Nori.IO;

namespace Nori.Lsm.Manifest;

/// <summary>
/// Appends edits to the manifest in force, each synced before it counts; the engine begins a new one when it
/// grew large.
/// </summary>
/// <remarks>
/// One caller at a time. Any failure but a full disk while writing, or a shortage while opening, leaves the outcome unknown: the
/// engine stops.
/// </remarks>
internal sealed class ManifestWriter(IFileSystem files, string directory, long bytesMax) : IDisposable
{
    private IFile? _file;
    private ulong _nextEdit;
    private bool _mustRewrite;

    /// <summary>The number of the manifest in force; 0 before the first.</summary>
    public ulong Number { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>True once a manifest was written by this writer.</summary>
    public bool IsBegun => _file is not null;

    /// <summary>True when the next edit must come with the whole state, by <see cref="Begin"/>.</summary>
    public bool ShouldRewrite => _mustRewrite || Bytes > bytesMax;

    /// <summary>
    /// True after a refused edit that could not be taken back: the file says perhaps more than what counts.
    /// </summary>
    public bool IsInDoubt => _mustRewrite;

    /// <summary>
    /// Names the manifest that an earlier opening wrote: the first <see cref="Begin"/> replaces it.
    /// </summary>
    public void Adopt(ulong number) => Number = number;

    /// <summary>
    /// Writes a new manifest that holds one edit, the whole state, and makes it the one in force.
    /// </summary>
    /// <exception cref="StorageException">
    /// With IsDiskFull or IsShortage: the manifest before is still the one in force, and nothing of the new one is left but what
    /// could not be deleted either.
    /// </exception>
    public void Begin(ulong number, VersionEdit wholeState)
    {
        string path = Path.Combine(directory, FileNames.Manifest(number));
        _mustRewrite = true;
        byte[] edit = ManifestFormat.EncodeEdit(number, 1, wholeState);
        IFile file = files.Open(path, FileOpen.CreateNew);
        try
        {
            file.Write(0, ManifestFormat.EncodeHeader(number));
            file.Write(ManifestFormat.HeaderBytes, edit);
            file.Sync();

            // The name before CURRENT points at it: a crash in between must leave a CURRENT whose manifest exists.
            files.SyncDirectory(directory);
            CurrentFile.Stage(files, directory, number);
            Switch();
        }
        catch (Exception e)
        {
            file.Dispose();

            // Otherwise CURRENT may name it already: it stays, and the engine stops.
            if (e is StorageException { IsDiskFull: true } or StorageException { IsShortage: true }) Withdraw(path);
            throw;
        }

        ulong old = Number;
        _file?.Dispose();
        _file = file;
        Number = number;
        _nextEdit = 2;
        Bytes = ManifestFormat.HeaderBytes + edit.Length;
        _mustRewrite = false;
        if (old != 0) TryDelete(Path.Combine(directory, FileNames.Manifest(old)));
    }

    /// <summary>Appends the edit and syncs; it counts when this returns.</summary>
    /// <exception cref="StorageException">
    /// With IsDiskFull while writing: the edit does not count, unless it could not be taken back (<see cref="IsInDoubt"/>) and
    /// power is lost before the next <see cref="Begin"/>, which leaves it behind.
    /// </exception>
    public void Append(VersionEdit edit)
    {
        Invariant.Assert(_file is not null && !_mustRewrite);
        byte[] frames = ManifestFormat.EncodeEdit(Number, _nextEdit, edit);
        _mustRewrite = true;
        try
        {
            _file.Write(Bytes, frames);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            TakeBack(_file);
            throw;
        }

        Sync(_file);
        _mustRewrite = false;
        _nextEdit++;
        Bytes += frames.Length;
    }

    public void Dispose() => _file?.Dispose();

    /// <summary>One of the two copies of a refused edit may be whole: it would count after a crash.</summary>
    private void TakeBack(IFile file)
    {
        try
        {
            file.SetLength(Bytes);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // A file system that copies on write needs space for this, too: it stays in doubt.
            return;
        }

        Sync(file);
        _mustRewrite = false;
    }

    private static void Sync(IFile file)
    {
        try
        {
            file.Sync();
        }
        catch (StorageException e)
        {
            // Also when it says "no space": the pages are lost, and what reached the disk is unknown.
            throw new LsmFailedException(e);
        }
    }

    /// <summary>No space is an answer only until the rename is done: behind it the outcome is unknown.</summary>
    private void Switch()
    {
        CurrentFile.Switch(files, directory);
        try
        {
            files.SyncDirectory(directory);
        }
        catch (StorageException e)
        {
            throw new LsmFailedException(e);
        }
    }

    /// <summary>What was begun goes again, so that a disk that is full for long does not fill with half-begun manifests.</summary>
    private void Withdraw(string path)
    {
        TryDelete(Path.Combine(directory, FileNames.CurrentTemporary));
        TryDelete(path);
    }

    private void TryDelete(string path)
    {
        try
        {
            files.Delete(path);
        }
        catch (StorageException)
        {
            // CURRENT does not name it: opening removes it.
        }
    }
}
