package com.norikv.client;

import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;

/** Bounds the operations in flight; more wait for a place, in order. */
final class Places {
    private final ArrayDeque<CompletableFuture<Void>> waiting = new ArrayDeque<>(); // guarded by this
    private int free;

    Places(int places) {
        free = places;
    }

    /** Completes when the place is taken; who stops waiting completes it otherwise. */
    synchronized CompletableFuture<Void> enter() {
        if (free > 0) {
            free--;
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> turn = new CompletableFuture<>();
        waiting.add(turn);
        return turn;
    }

    void leave() {
        while (true) {
            CompletableFuture<Void> next;
            synchronized (this) {
                next = waiting.poll();
                if (next == null) {
                    free++;
                    return;
                }
            }
            if (next.complete(null)) {
                return;
            } // else it stopped waiting
        }
    }
}
