package com.norikv.client;

import java.time.Duration;

/** The leader of the shard could not be reached before the deadline; the operation was not done. */
public final class NotLeaderException extends NoriKVException {
    private static final long serialVersionUID = 1L;

    NotLeaderException(String message, String leaderHint, Duration retryAfter, Throwable cause) {
        super(Code.NOT_LEADER, message, leaderHint, retryAfter, cause);
    }
}
