package com.norikv.client;

import java.time.Duration;

/** The server stayed at one of its bounds until the deadline; the operation was not done. */
public final class OverloadedException extends NoriKVException {
    private static final long serialVersionUID = 1L;

    OverloadedException(String message, String leaderHint, Duration retryAfter, Throwable cause) {
        super(Code.OVERLOADED, message, leaderHint, retryAfter, cause);
    }
}
