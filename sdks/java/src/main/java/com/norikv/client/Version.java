package com.norikv.client;

/**
 * The log entry that wrote a key; versions of one key strictly increase. Both numbers are unsigned.
 *
 * @param term the term, at least 1 for a version that an entry can have
 * @param index the index in the log
 */
public record Version(long term, long index) implements Comparable<Version> {
    /** No version: what a missing key has. */
    public static final Version NONE = new Version(0, 0);

    /**
     * Whether an entry can have this version.
     *
     * @return false for {@link #NONE}
     */
    public boolean isPresent() {
        return term != 0;
    }

    @Override
    public int compareTo(Version other) {
        int terms = Long.compareUnsigned(term, other.term);
        return terms != 0 ? terms : Long.compareUnsigned(index, other.index);
    }

    @Override
    public String toString() {
        return Long.toUnsignedString(term) + "." + Long.toUnsignedString(index);
    }
}
