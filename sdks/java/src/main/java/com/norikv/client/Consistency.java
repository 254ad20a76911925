package com.norikv.client;

/** How fresh a read must be. */
public enum Consistency {
    /** Sees every write that was acknowledged before the read began. */
    LINEARIZABLE(""),
    /** As linearizable while clocks behave: the leader answers by its lease, without a round trip. */
    LEASE("lease"),
    /** Whatever the replica that is asked has. */
    STALE_OK("stale_ok"),
    /** At most so old as {@code maxStaleness} says. */
    BOUNDED("bounded");

    final String wire;

    Consistency(String wire) {
        this.wire = wire;
    }
}
