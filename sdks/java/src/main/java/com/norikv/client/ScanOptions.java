package com.norikv.client;

import java.time.Duration;

/** Which pairs a scan gives, and how. */
public final class ScanOptions {
    private static final byte[] NONE = {};

    byte[] prefix = NONE;
    byte[] start = NONE;
    byte[] end = NONE;
    byte[] pageToken = NONE;
    boolean reverse;
    boolean keysOnly;
    long limit;
    Consistency consistency = Consistency.LINEARIZABLE;
    Duration maxStaleness;
    Duration deadline;

    ScanOptions() {
    }

    /**
     * The keys that begin so.
     *
     * @param prefix the prefix
     * @return this
     */
    public ScanOptions prefix(byte[] prefix) {
        this.prefix = prefix;
        return this;
    }

    /**
     * The keys from start to before end.
     *
     * @param start inclusive; empty: from the first key
     * @param end exclusive; empty: to the last key
     * @return this
     */
    public ScanOptions range(byte[] start, byte[] end) {
        this.start = start;
        this.end = end;
        return this;
    }

    /**
     * From the last key to the first.
     *
     * @return this
     */
    public ScanOptions reverse() {
        this.reverse = true;
        return this;
    }

    /**
     * The most pairs of the call; none without it.
     *
     * @param limit positive
     * @return this
     */
    public ScanOptions limit(long limit) {
        this.limit = limit;
        return this;
    }

    /**
     * Leaves the values out.
     *
     * @return this
     */
    public ScanOptions keysOnly() {
        this.keysOnly = true;
        return this;
    }

    /**
     * Goes on behind the page that gave the token.
     *
     * @param token a page's token, of this very range, prefix and direction
     * @return this
     */
    public ScanOptions pageToken(byte[] token) {
        this.pageToken = token;
        return this;
    }

    /**
     * How fresh the pairs must be; {@link Consistency#LINEARIZABLE} without it.
     *
     * @param consistency the consistency
     * @return this
     */
    public ScanOptions consistency(Consistency consistency) {
        this.consistency = consistency;
        return this;
    }

    /**
     * Bounds a {@link Consistency#BOUNDED} scan; 5 s without it.
     *
     * @param maxStaleness how old the pairs may be
     * @return this
     */
    public ScanOptions maxStaleness(Duration maxStaleness) {
        this.maxStaleness = maxStaleness;
        return this;
    }

    /**
     * Replaces the client's deadline.
     *
     * @param deadline from page to page
     * @return this
     */
    public ScanOptions deadline(Duration deadline) {
        this.deadline = deadline;
        return this;
    }
}
