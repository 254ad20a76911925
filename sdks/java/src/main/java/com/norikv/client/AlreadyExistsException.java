package com.norikv.client;

import java.time.Duration;

/** The key exists and the put asked that it does not; nothing was written. */
public final class AlreadyExistsException extends NoriKVException {
    private static final long serialVersionUID = 1L;

    AlreadyExistsException(String message, String leaderHint, Duration retryAfter, Throwable cause) {
        super(Code.ALREADY_EXISTS, message, leaderHint, retryAfter, cause);
    }
}
