package com.norikv.client;

import java.time.Duration;

/** Options of a batch. */
public final class BatchOptions {
    boolean requireAtomic;
    String idempotencyKey;
    Duration deadline;

    BatchOptions() {
    }

    /**
     * Refuses the batch unless all its keys lie in one shard.
     *
     * @return this
     */
    public BatchOptions requireAtomic() {
        this.requireAtomic = true;
        return this;
    }

    /**
     * Makes repeats with the same key return the first outcome; one is generated without it.
     *
     * @param key the idempotency key of the whole batch
     * @return this
     */
    public BatchOptions idempotencyKey(String key) {
        this.idempotencyKey = key;
        return this;
    }

    /**
     * Replaces the client's deadline.
     *
     * @param deadline over all attempts
     * @return this
     */
    public BatchOptions deadline(Duration deadline) {
        this.deadline = deadline;
        return this;
    }
}
