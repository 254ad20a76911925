namespace NoriKV.Types;

/// <summary>What an operation came to. Each transport maps it to its status in one table.</summary>
public enum KvCode
{
    /// <summary>Done.</summary>
    Ok,

    /// <summary>The request is malformed or over a limit; sending it again cannot help.</summary>
    InvalidArgument,

    /// <summary>Compare-and-set on another version or on a missing key.</summary>
    VersionMismatch,

    /// <summary>if_not_exists on an existing key.</summary>
    AlreadyExists,

    /// <summary>
    /// The request contradicts the state of things, other than by a version (require_atomic over shards).
    /// </summary>
    FailedPrecondition,

    /// <summary>Not the leader and it could not be reached in time; a hint may name it.</summary>
    NotLeader,

    /// <summary>No majority of the shard can be reached.</summary>
    QuorumUnavailable,

    /// <summary>
    /// The node cannot serve now: starting, stopping, or its store failed. The operation was not done.
    /// </summary>
    Unavailable,

    /// <summary>The deadline passed and the outcome is unknown: it may have been done.</summary>
    CommitTimeout,

    /// <summary>The deadline passed before the operation was tried: it was not done.</summary>
    DeadlineExceeded,

    /// <summary>A bound was reached (queue, disk, idempotency window); try again later.</summary>
    Overloaded,

    /// <summary>The caller gave up.</summary>
    Cancelled,

    /// <summary>Known but not offered by this node.</summary>
    Unimplemented,

    /// <summary>The authorizer refused.</summary>
    PermissionDenied,

    /// <summary>Stored data is damaged and no copy could serve instead.</summary>
    DataLoss,

    /// <summary>A bug of ours.</summary>
    Internal,

    /// <summary>The key does not exist where the caller said that it must. Made by clients: a node answers a result.</summary>
    NotFound,
}
