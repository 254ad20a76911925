package com.norikv.client;

import java.time.Duration;

/** Options of a get. */
public final class GetOptions {
    Consistency consistency = Consistency.LINEARIZABLE;
    Duration maxStaleness;
    Duration deadline;

    GetOptions() {
    }

    /**
     * How fresh the answer must be; {@link Consistency#LINEARIZABLE} without it.
     *
     * @param consistency the consistency
     * @return this
     */
    public GetOptions consistency(Consistency consistency) {
        this.consistency = consistency;
        return this;
    }

    /**
     * Bounds a {@link Consistency#BOUNDED} read; 5 s without it.
     *
     * @param maxStaleness how old the answer may be
     * @return this
     */
    public GetOptions maxStaleness(Duration maxStaleness) {
        this.maxStaleness = maxStaleness;
        return this;
    }

    /**
     * Replaces the client's deadline.
     *
     * @param deadline over all attempts
     * @return this
     */
    public GetOptions deadline(Duration deadline) {
        this.deadline = deadline;
        return this;
    }
}
