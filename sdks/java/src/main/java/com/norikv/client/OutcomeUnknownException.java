package com.norikv.client;

import java.time.Duration;

/**
 * The deadline passed and the write may or may not have been done. Sent again with the same idempotency key it is done once.
 */
public final class OutcomeUnknownException extends NoriKVException {
    private static final long serialVersionUID = 1L;

    OutcomeUnknownException(String message, String leaderHint, Duration retryAfter, Throwable cause) {
        super(Code.COMMIT_TIMEOUT, message, leaderHint, retryAfter, cause);
    }
}
