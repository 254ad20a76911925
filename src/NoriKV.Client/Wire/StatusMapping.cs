using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Wire;

/// <summary>gRPC status codes and the words of messages, as errors: the one table of this client.</summary>
internal static class StatusMapping
{
    /// <summary>A status inside a stream or batch: the node itself said it.</summary>
    public static KvError ToError(Status status)
    {
        KvError error = ToError(
            status.Code,
            status.Message,
            status.LeaderHint.Length > 0 ? status.LeaderHint : null,
            status.RetryAfterMs > 0 ? TimeSpan.FromMilliseconds(Math.Min(status.RetryAfterMs, int.MaxValue)) : null);
        return error.Code == KvCode.CommitTimeout && !Has(error.Message, "COMMIT_TIMEOUT")
            ? error with { Code = KvCode.DeadlineExceeded }
            : error;
    }

    /// <summary>The status of a call: whoever said it, the node or a layer below.</summary>
    public static KvError ToError(uint code, string message, string? leaderHint, TimeSpan? retryAfter) =>
        new(ToCode(code, message), message.Length > 0 ? message : $"gRPC status {code}")
        {
            LeaderHint = leaderHint,
            RetryAfter = retryAfter,
        };

    private static KvCode ToCode(uint code, string message) => code switch
    {
        1 => KvCode.Cancelled,
        3 => KvCode.InvalidArgument,
        // Of a call's deadline nobody knows what was done before it.
        4 => KvCode.CommitTimeout,
        6 => KvCode.AlreadyExists,
        7 or 16 => KvCode.PermissionDenied,
        8 => KvCode.Overloaded,
        9 => Has(message, "Version mismatch") ? KvCode.VersionMismatch : KvCode.FailedPrecondition,
        11 => KvCode.InvalidArgument,
        12 => KvCode.Unimplemented,
        14 when Has(message, "NOT_LEADER") => KvCode.NotLeader,
        14 when Has(message, "QUORUM_UNAVAILABLE") => KvCode.QuorumUnavailable,
        14 => KvCode.Unavailable,
        15 => KvCode.DataLoss,
        _ => KvCode.Internal,
    };

    private static bool Has(string message, string word) => message.Contains(word, StringComparison.Ordinal);
}
