using NoriKV.Types;

namespace NoriKV.Cli.Chaos.Load;

/// <summary>What became of the calls.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class LoadCounts
{
    private long _acknowledged;
    private long _read;
    private long _refused;
    private long _unknown;
    private long _failedReads;

    /// <summary>Writes that were acknowledged.</summary>
    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>Reads that were answered.</summary>
    public long Read => Interlocked.Read(ref _read);

    /// <summary>Conditions that did not hold.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Writes that failed or whose outcome nobody knows.</summary>
    public long Unknown => Interlocked.Read(ref _unknown);

    /// <summary>Reads that failed.</summary>
    public long FailedReads => Interlocked.Read(ref _failedReads);

    public long All => Acknowledged + Read + Refused + Unknown + FailedReads;

    public void Done(bool wasRead) => Interlocked.Increment(ref wasRead ? ref _read : ref _acknowledged);

    /// <summary>Counts a failure; true when a write may have been done.</summary>
    public bool Failed(bool wasRead, KvCode code)
    {
        bool isAnswer = code is KvCode.VersionMismatch or KvCode.AlreadyExists;
        Interlocked.Increment(ref isAnswer ? ref _refused : ref wasRead ? ref _failedReads : ref _unknown);
        return !isAnswer && !wasRead;
    }
}
