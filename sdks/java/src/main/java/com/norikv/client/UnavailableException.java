package com.norikv.client;

import java.time.Duration;

/** No node, or no majority, could serve the operation before the deadline; it was not done. */
public final class UnavailableException extends NoriKVException {
    private static final long serialVersionUID = 1L;

    UnavailableException(Code code, String message, String leaderHint, Duration retryAfter, Throwable cause) {
        super(code, message, leaderHint, retryAfter, cause);
    }
}
