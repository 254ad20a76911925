package com.norikv.client;

import java.util.concurrent.CompletableFuture;

/** A watch of the cluster's views that was opened by {@link NoriKVClient#watchCluster}. */
public final class ClusterWatch implements AutoCloseable {
    private final ViewWatch watch;
    private final CompletableFuture<Void> ended;

    ClusterWatch(ViewWatch watch, CompletableFuture<Void> ended) {
        this.watch = watch;
        this.ended = ended;
    }

    /**
     * Fails when the watch ended by itself: the node refused it, or the client was closed. A watch that is closed is cancelled.
     *
     * @return its end
     */
    public CompletableFuture<Void> ended() {
        return ended;
    }

    /** Ends the watch. */
    @Override
    public void close() {
        watch.close();
    }
}
