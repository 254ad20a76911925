using System.IO.Enumeration;

namespace Nori.IO;

/// <summary>"The third sync on *.wal fails with EIO": which calls, from which on, how often, and how.</summary>
public sealed class FaultRule
{
    private long _matches;

    /// <summary>The calls it is about.</summary>
    /// <value>Default: every mutation.</value>
    public FileOperation Operation { get; init; } = FileOperation.Mutations;

    /// <summary>A pattern with * and ? for the file's name, or for the whole path when it holds a '/'.</summary>
    /// <value>Default: everything.</value>
    public string PathPattern { get; init; } = "*";

    /// <summary>How many matching calls pass before the rule acts; 0: it acts on the first.</summary>
    public long AfterCalls { get; init; }

    /// <summary>On how many calls it acts; <see cref="Forever"/> for all further ones.</summary>
    /// <value>Default: 1.</value>
    public long Times { get; init; } = 1;

    /// <summary>
    /// The error the call fails with; 0: it does not fail (for rules that only call <see cref="Action"/>).
    /// </summary>
    /// <value>Default: EIO.</value>
    public int Errno { get; init; } = IO.Errno.IO;

    /// <summary>Of a failing write, the bytes that reach the file nevertheless.</summary>
    public int PartialBytes { get; init; }

    /// <summary>The call answers success and does nothing: a disk that lies. Errno is not looked at.</summary>
    public bool Skip { get; init; }

    /// <summary>Called before the matching call, without any lock held; it may take a crash clone or throw.</summary>
    public Action<FaultCall>? Action { get; init; }

    /// <summary>For <see cref="Times"/>: without end.</summary>
    public const long Forever = long.MaxValue;

    /// <summary>How many calls matched so far, acted upon or not.</summary>
    public long Matches => Interlocked.Read(ref _matches);

    internal bool Takes(FileOperation operation, string path, string? otherPath)
    {
        if ((Operation & operation) == 0 || (!Fits(path) && (otherPath is null || !Fits(otherPath)))) return false;
        long match = Interlocked.Increment(ref _matches) - 1;
        return match >= AfterCalls && match - AfterCalls < Times;
    }

    // The root has an empty file name, which * would not match.
    private bool Fits(string path) => PathPattern == "*" || FileSystemName.MatchesSimpleExpression(
        PathPattern,
        PathPattern.Contains('/', StringComparison.Ordinal) ? path : Path.GetFileName(path.AsSpan()),
        ignoreCase: false);
}
