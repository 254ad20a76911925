package com.norikv.client;

import java.time.Duration;

/** The request is malformed or over a limit; sending it again cannot help. */
public final class InvalidArgumentException extends NoriKVException {
    private static final long serialVersionUID = 1L;

    InvalidArgumentException(String message, String leaderHint, Duration retryAfter, Throwable cause) {
        super(Code.INVALID_ARGUMENT, message, leaderHint, retryAfter, cause);
    }
}
