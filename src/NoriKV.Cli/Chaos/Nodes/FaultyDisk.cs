using Nori.IO;

namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>
/// The disk of a node under test, which goes wrong when told: the file system that a server is composed of, so that it takes neither
/// root nor a kernel module. What reaches the files is real.
/// </summary>
internal sealed class FaultyDisk(TimeProvider time) : IDisposable
{
    private const FileOperation Syncs = FileOperation.Sync | FileOperation.SyncDirectory;
    private const FileOperation Writes = FileOperation.Write | FileOperation.SetLength | FileOperation.Create;

    // Set: nothing is held.
    private readonly ManualResetEventSlim _goesOn = new(initialState: true);

    /// <summary>What the server stores on.</summary>
    public FaultInjectingFileSystem Files { get; } = new(DiskFileSystem.Instance);

    /// <summary>Every write and sync takes so much longer.</summary>
    public void Slow(TimeSpan by) => Files.Add(Always(Syncs | FileOperation.Write, _ => Hold(by)));

    /// <summary>Syncs do not return until it is well.</summary>
    public void Stall()
    {
        _goesOn.Reset();
        Files.Add(Always(Syncs, _ => _goesOn.Wait()));
    }

    /// <summary>Nothing more fits.</summary>
    public void Fill() => Files.Add(new FaultRule { Operation = Writes, Errno = Errno.NoSpace, Times = FaultRule.Forever });

    /// <summary>The next call of a kind fails with EIO, once.</summary>
    public void Fail(string call) => Files.Add(new FaultRule
    {
        Operation = call switch { "sync" => FileOperation.Sync, "write" => FileOperation.Write, _ => FileOperation.Read },
        Errno = Errno.IO,
    });

    /// <summary>Ends all of it.</summary>
    public void BeWell()
    {
        Files.ClearRules();
        _goesOn.Set();
    }

    public void Dispose()
    {
        BeWell();
        _goesOn.Dispose();
    }

    private static FaultRule Always(FileOperation operation, Action<FaultCall> action) =>
        new() { Operation = operation, Errno = 0, Times = FaultRule.Forever, Action = action };

    // A slow disk holds the thread that calls it: that is what is tested. An event that nobody sets is a clock without a sleep.
    private void Hold(TimeSpan by)
    {
        using var never = new CancellationTokenSource(by, time);
        never.Token.WaitHandle.WaitOne();
    }
}
