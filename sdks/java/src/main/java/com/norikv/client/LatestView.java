package com.norikv.client;

import java.util.concurrent.Executor;
import java.util.function.Consumer;

/** Gives views to a taker one at a time on its executor; to a slow one only the newest. */
final class LatestView {
    private final Executor executor;
    private final Consumer<ClusterView> taker;
    private ClusterView newest; // guarded by this, as busy
    private boolean busy;

    LatestView(Executor executor, Consumer<ClusterView> taker) {
        this.executor = executor;
        this.taker = taker;
    }

    void offer(ClusterView view) {
        synchronized (this) {
            newest = view;
            if (busy) {
                return;
            }
            busy = true;
        }
        executor.execute(this::give);
    }

    private void give() {
        while (true) {
            ClusterView view;
            synchronized (this) {
                view = newest;
                newest = null;
                if (view == null) {
                    busy = false;
                    return;
                }
            }
            taker.accept(view);
        }
    }
}
