package com.norikv.client;

import java.time.Duration;

/** Options of a delete. */
public final class DeleteOptions {
    Version ifMatch;
    String idempotencyKey;
    Duration deadline;

    DeleteOptions() {
    }

    /**
     * Removes only if the key has this version.
     *
     * @param version the version
     * @return this
     */
    public DeleteOptions ifMatch(Version version) {
        this.ifMatch = version;
        return this;
    }

    /**
     * Makes repeats with the same key return the first outcome; one is generated without it.
     *
     * @param key the idempotency key
     * @return this
     */
    public DeleteOptions idempotencyKey(String key) {
        this.idempotencyKey = key;
        return this;
    }

    /**
     * Replaces the client's deadline.
     *
     * @param deadline over all attempts
     * @return this
     */
    public DeleteOptions deadline(Duration deadline) {
        this.deadline = deadline;
        return this;
    }
}
