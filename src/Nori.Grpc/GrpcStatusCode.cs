namespace Nori.Grpc;

/// <summary>The status codes of gRPC. The numbers are part of the protocol.</summary>
public enum GrpcStatusCode
{
    /// <summary>The call succeeded.</summary>
    Ok = 0,

    /// <summary>The call was cancelled, typically by the caller.</summary>
    Cancelled = 1,

    /// <summary>An error without a known code: a handler threw, or the peer sent no status.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever the state of the system.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed before the call completed; its effect is unknown.</summary>
    DeadlineExceeded = 4,

    /// <summary>What was asked for does not exist.</summary>
    NotFound = 5,

    /// <summary>What was to be created exists.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and not allowed to do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota, a bound or the capacity is used up.</summary>
    ResourceExhausted = 8,

    /// <summary>The system is not in the state the call needs; retrying alone does not help.</summary>
    FailedPrecondition = 9,

    /// <summary>The call was aborted by a conflict and may be retried at a higher level.</summary>
    Aborted = 10,

    /// <summary>The operation went past the valid range.</summary>
    OutOfRange = 11,

    /// <summary>The service or method is not there, or a feature it needs is not.</summary>
    Unimplemented = 12,

    /// <summary>A broken invariant or a violation of the protocol.</summary>
    Internal = 13,

    /// <summary>The service cannot be reached at the moment; retrying may help.</summary>
    Unavailable = 14,

    /// <summary>Data is lost or corrupt.</summary>
    DataLoss = 15,

    /// <summary>The caller has no valid credentials.</summary>
    Unauthenticated = 16,
}
