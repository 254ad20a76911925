using NoriKV.Types;

namespace NoriKV.Cli.Console;

/// <summary>What an exit code means. Part of the contract with scripts.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>The answer is no: missing key, version mismatch, bad lines, corruption.</summary>
    public const int No = 1;

    /// <summary>The command line or a request is wrong.</summary>
    public const int Usage = 2;

    /// <summary>No node could be reached or answered in time.</summary>
    public const int Unavailable = 3;

    /// <summary>A bug of ours, or an environment that fails.</summary>
    public const int Internal = 70;

    /// <summary>Interrupted by the user, as shells count it.</summary>
    public const int Interrupted = 130;

    /// <summary>The exit code of an operation's outcome.</summary>
    public static int Of(KvCode code) => code switch
    {
        KvCode.Ok => Ok,
        KvCode.VersionMismatch or KvCode.AlreadyExists or KvCode.FailedPrecondition or KvCode.PermissionDenied => No,
        KvCode.InvalidArgument => Usage,
        KvCode.NotLeader or KvCode.QuorumUnavailable or KvCode.Unavailable or KvCode.CommitTimeout
            or KvCode.DeadlineExceeded or KvCode.Overloaded or KvCode.Cancelled => Unavailable,
        _ => Internal,
    };
}
