using System.Numerics;

namespace Nori.IO;

/// <summary>Passes calls on to another file system, counts them, and fails those that its rules name.</summary>
/// <remarks>
/// Thread-safe as the inner one is. Rules are tried in the order added; the first that acts decides.
/// </remarks>
public sealed class FaultInjectingFileSystem(IFileSystem inner) : IFileSystem
{
    private readonly long[] _calls = new long[32];
    private volatile FaultRule[] _rules = [];
    private long _total;
    private long _bytesWritten;
    private long _bytesRead;

    /// <summary>The file system behind.</summary>
    public IFileSystem Inner { get; } = inner;

    /// <summary>All calls so far.</summary>
    public long TotalCalls => Interlocked.Read(ref _total);

    /// <summary>Bytes asked to be written so far.</summary>
    public long BytesWritten => Interlocked.Read(ref _bytesWritten);

    /// <summary>Bytes read so far.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>Calls so far of the operations named.</summary>
    public long Calls(FileOperation operations)
    {
        long sum = 0;
        for (uint rest = (uint)operations; rest != 0; rest &= rest - 1)
            sum += Interlocked.Read(ref _calls[BitOperations.TrailingZeroCount(rest)]);
        return sum;
    }

    /// <summary>Adds a rule; returns it.</summary>
    public FaultRule Add(FaultRule rule)
    {
        lock (_calls) _rules = [.. _rules, rule];
        return rule;
    }

    /// <summary>Takes all rules away.</summary>
    public void ClearRules() => _rules = [];

    /// <inheritdoc/>
    public IFile Open(string path, FileOpen mode)
    {
        bool creates = mode == FileOpen.CreateNew || (mode == FileOpen.OpenOrCreate && !Inner.FileExists(path));
        Proceeds(creates ? FileOperation.Create : FileOperation.Open, path);
        return new FaultInjectingFile(this, Inner.Open(path, mode));
    }

    /// <inheritdoc/>
    public bool FileExists(string path) => Inner.FileExists(path);

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Inner.DirectoryExists(path);

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        if (Proceeds(FileOperation.CreateDirectory, path)) Inner.CreateDirectory(path);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory)
    {
        Proceeds(FileOperation.List, directory);
        return Inner.List(directory);
    }

    /// <inheritdoc/>
    public void Rename(string source, string target)
    {
        if (Proceeds(FileOperation.Rename, target, source)) Inner.Rename(source, target);
    }

    /// <inheritdoc/>
    public void HardLink(string source, string target)
    {
        if (Proceeds(FileOperation.HardLink, target, source)) Inner.HardLink(source, target);
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        if (Proceeds(FileOperation.Delete, path)) Inner.Delete(path);
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        if (Proceeds(FileOperation.DeleteDirectory, path)) Inner.DeleteDirectory(path);
    }

    /// <inheritdoc/>
    public void SyncDirectory(string path)
    {
        if (Proceeds(FileOperation.SyncDirectory, path)) Inner.SyncDirectory(path);
    }

    /// <inheritdoc/>
    public IDisposable LockDirectory(string path) => Inner.LockDirectory(path);

    /// <inheritdoc/>
    public long FreeBytes(string path) => Inner.FreeBytes(path);

    /// <inheritdoc/>
    public long CapacityBytes(string path) => Inner.CapacityBytes(path);

    internal void CountRead(int bytes) => Interlocked.Add(ref _bytesRead, bytes);

    internal void CountWrite(long bytes) => Interlocked.Add(ref _bytesWritten, bytes);

    /// <summary>True when the call goes on, false when a rule skips it; throws when one fails it.</summary>
    internal bool Proceeds(FileOperation operation, string path, string? otherPath = null) =>
        Decide(operation, path, otherPath, out StorageException? failure) switch
        {
            null => true,
            _ when failure is null => false,
            _ => throw failure,
        };

    /// <summary>The rule that acts on the call, or null; the failure is null when that rule skips the call.</summary>
    internal FaultRule? Decide(FileOperation operation, string path, string? otherPath, out StorageException? failure)
    {
        failure = null;
        long number = Interlocked.Increment(ref _total);
        Interlocked.Increment(ref _calls[BitOperations.TrailingZeroCount((uint)operation)]);
        foreach (FaultRule rule in _rules)
        {
            if (!rule.Takes(operation, path, otherPath)) continue;
            rule.Action?.Invoke(new FaultCall(operation, path, number));
            if (rule.Skip) return rule;
            if (rule.Errno == 0) continue;
            string detail = $"injected fault, errno {rule.Errno} at call {number}";
            failure = new StorageException(Name(operation), path, rule.Errno, detail);
            return rule;
        }

        return null;
    }

    private static string Name(FileOperation operation) => operation switch
    {
        FileOperation.Create => "open",
        FileOperation.SetLength => "set length",
        FileOperation.SyncDirectory => "sync directory",
        FileOperation.HardLink => "link",
        FileOperation.CreateDirectory => "create directory",
        FileOperation.DeleteDirectory => "delete directory",
        _ => operation.ToString().ToLowerInvariant(),
    };
}
