package com.norikv.client;

import java.time.Duration;

/** Options of a put. */
public final class PutOptions {
    Duration ttl;
    Version ifMatch;
    boolean ifNotExists;
    String idempotencyKey;
    Duration deadline;

    PutOptions() {
    }

    /**
     * Lets the key expire; without it an older TTL is removed.
     *
     * @param ttl positive; rounded up to milliseconds
     * @return this
     */
    public PutOptions ttl(Duration ttl) {
        this.ttl = ttl;
        return this;
    }

    /**
     * Writes only if the key has this version.
     *
     * @param version the version
     * @return this
     */
    public PutOptions ifMatch(Version version) {
        this.ifMatch = version;
        return this;
    }

    /**
     * Writes only if the key does not exist.
     *
     * @return this
     */
    public PutOptions ifNotExists() {
        this.ifNotExists = true;
        return this;
    }

    /**
     * Makes repeats with the same key return the first outcome; one is generated without it.
     *
     * @param key the idempotency key
     * @return this
     */
    public PutOptions idempotencyKey(String key) {
        this.idempotencyKey = key;
        return this;
    }

    /**
     * Replaces the client's deadline.
     *
     * @param deadline over all attempts
     * @return this
     */
    public PutOptions deadline(Duration deadline) {
        this.deadline = deadline;
        return this;
    }
}
