using System.Globalization;
using Nori.Grpc;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// The one table from outcomes to gRPC statuses, and how an outcome travels: in trailers, or inside a stream.
/// </summary>
internal static class StatusTable
{
    public const string LeaderHintKey = "leader-hint";
    public const string RetryAfterKey = "retry-after-ms";

    public static GrpcStatusCode StatusOf(KvCode code) => code switch
    {
        KvCode.Ok => GrpcStatusCode.Ok,
        KvCode.InvalidArgument => GrpcStatusCode.InvalidArgument,
        KvCode.VersionMismatch => GrpcStatusCode.FailedPrecondition,
        KvCode.AlreadyExists => GrpcStatusCode.AlreadyExists,
        KvCode.FailedPrecondition => GrpcStatusCode.FailedPrecondition,
        KvCode.NotLeader => GrpcStatusCode.Unavailable,
        KvCode.QuorumUnavailable => GrpcStatusCode.Unavailable,
        KvCode.Unavailable => GrpcStatusCode.Unavailable,
        KvCode.CommitTimeout => GrpcStatusCode.DeadlineExceeded,
        KvCode.DeadlineExceeded => GrpcStatusCode.DeadlineExceeded,
        KvCode.Overloaded => GrpcStatusCode.ResourceExhausted,
        KvCode.Cancelled => GrpcStatusCode.Cancelled,
        KvCode.Unimplemented => GrpcStatusCode.Unimplemented,
        KvCode.PermissionDenied => GrpcStatusCode.PermissionDenied,
        KvCode.DataLoss => GrpcStatusCode.DataLoss,
        KvCode.Internal => GrpcStatusCode.Internal,
        KvCode.NotFound => GrpcStatusCode.NotFound,
        _ => GrpcStatusCode.Unknown,
    };

    /// <summary>The end of a unary call that came to this.</summary>
    public static GrpcException ToException(KvError error)
    {
        Metadata? trailers = null;
        if (error.LeaderHint is { Length: > 0 } hint) (trailers ??= []).Add(LeaderHintKey, hint);
        if (RetryAfterMs(error) is { } after)
            (trailers ??= []).Add(RetryAfterKey, after.ToString(CultureInfo.InvariantCulture));
        return new GrpcException(new GrpcStatus(StatusOf(error.Code), error.Message), trailers);
    }

    /// <summary>The same inside a stream or batch.</summary>
    public static Proto.V1.Status ToMessage(KvError error) => new()
    {
        Code = (uint)StatusOf(error.Code),
        Message = error.Message,
        LeaderHint = error.LeaderHint ?? "",
        RetryAfterMs = RetryAfterMs(error) ?? 0,
    };

    // An overloaded node always says when: clients wait then instead of guessing. Zero: waiting does not help.
    private static ulong? RetryAfterMs(KvError error) =>
        error.RetryAfter == TimeSpan.Zero ? null
        : error.RetryAfter is { } after ? (ulong)Math.Max(1, after.TotalMilliseconds)
        : error.Code == KvCode.Overloaded ? 100
        : null;
}
