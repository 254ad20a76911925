package com.norikv.client;

/** What an operation came to, the same words in every SDK. */
public enum Code {
    /** The key is missing and the caller said that it must exist. */
    NOT_FOUND,
    /** Compare-and-set on another version or on a missing key; nothing was written. */
    VERSION_MISMATCH,
    /** The key exists and the put asked that it does not; nothing was written. */
    ALREADY_EXISTS,
    /** The request is malformed or over a limit; sending it again cannot help. */
    INVALID_ARGUMENT,
    /** The request contradicts the state of things. */
    FAILED_PRECONDITION,
    /** The leader of the shard could not be reached before the deadline; not done. */
    NOT_LEADER,
    /** A majority of the shard's nodes is away; not done. */
    QUORUM_UNAVAILABLE,
    /** No node could serve the operation before the deadline; not done. */
    UNAVAILABLE,
    /** The server stayed at one of its bounds until the deadline; not done. */
    OVERLOADED,
    /** The deadline passed and the write may or may not have been done. */
    COMMIT_TIMEOUT,
    /** The deadline passed and the operation was not done. */
    DEADLINE_EXCEEDED,
    /** The client was closed. */
    CANCELLED,
    /** An older node. */
    UNIMPLEMENTED,
    /** The authorizer refused. */
    PERMISSION_DENIED,
    /** Stored data is damaged and no copy could serve. */
    DATA_LOSS,
    /** A bug of ours. */
    INTERNAL;

    boolean isRetriable() {
        return switch (this) {
            case NOT_LEADER, QUORUM_UNAVAILABLE, UNAVAILABLE, OVERLOADED, COMMIT_TIMEOUT, DEADLINE_EXCEEDED -> true;
            default -> false;
        };
    }

    /** True of an answer that looked at the key: it says what came of the attempts before, too. */
    boolean isDecided() {
        return this == VERSION_MISMATCH || this == ALREADY_EXISTS;
    }
}
