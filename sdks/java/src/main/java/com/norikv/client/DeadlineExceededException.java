package com.norikv.client;

import java.time.Duration;

/** The deadline passed and the operation was not done. */
public final class DeadlineExceededException extends NoriKVException {
    private static final long serialVersionUID = 1L;

    DeadlineExceededException(String message, String leaderHint, Duration retryAfter, Throwable cause) {
        super(Code.DEADLINE_EXCEEDED, message, leaderHint, retryAfter, cause);
    }
}
