using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>The one table from outcomes to HTTP status codes.</summary>
internal static class HttpStatusTable
{
    /// <summary>
    /// nginx's word for "the caller went away": nobody reads it, the access log and the metrics do.
    /// </summary>
    public const int ClientClosedRequest = 499;

    /// <summary>The status of an outcome.</summary>
    public static int StatusOf(KvCode code) => code switch
    {
        KvCode.Ok => 200,
        KvCode.InvalidArgument => 400,
        KvCode.VersionMismatch => 412,
        KvCode.AlreadyExists => 412,
        KvCode.FailedPrecondition => 412,
        KvCode.NotLeader => 503,
        KvCode.QuorumUnavailable => 503,
        KvCode.Unavailable => 503,
        KvCode.CommitTimeout => 504,
        KvCode.DeadlineExceeded => 504,
        KvCode.Overloaded => 429,
        KvCode.Cancelled => ClientClosedRequest,
        KvCode.Unimplemented => 501,
        KvCode.PermissionDenied => 403,
        KvCode.DataLoss => 500,
        KvCode.Internal => 500,
        KvCode.NotFound => 404,
        _ => 500,
    };
}
