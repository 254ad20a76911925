package com.norikv.client;

import java.time.Duration;

/** Compare-and-set on another version or on a missing key; nothing was written. */
public final class VersionMismatchException extends NoriKVException {
    private static final long serialVersionUID = 1L;

    VersionMismatchException(String message, String leaderHint, Duration retryAfter, Throwable cause) {
        super(Code.VERSION_MISMATCH, message, leaderHint, retryAfter, cause);
    }
}
