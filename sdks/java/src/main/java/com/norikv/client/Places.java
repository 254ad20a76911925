package com.norikv.client;

import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;

/**
 * Bounds the operations in flight; more wait for a place, in order. Places are handed on by one thread at a time, in a loop: who gets
 * one may be over at once and leave it on the same stack, and so may thousands behind it.
 */
final class Places {
    private final ArrayDeque<CompletableFuture<Void>> waiting = new ArrayDeque<>(); // guarded by this, as all below
    private final int places;
    private int free;
    private boolean handing; // a thread hands places on; while none does, nobody waits or no place is free

    Places(int places) {
        this.places = places;
        free = places;
    }

    synchronized int inUse() {
        return places - free;
    }

    /** Completes when the place is taken; who stops waiting completes it otherwise. */
    synchronized CompletableFuture<Void> enter() {
        if (free > 0 && waiting.isEmpty()) {
            free--;
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> turn = new CompletableFuture<>();
        waiting.add(turn);
        return turn;
    }

    void leave() {
        synchronized (this) {
            free++;
            if (handing) {
                return; // perhaps below us on this very stack
            }
            handing = true;
        }
        for (CompletableFuture<Void> next = take(); next != null; next = take()) {
            if (!next.complete(null)) { // it stopped waiting
                giveBack();
            }
        }
    }

    // The next who waits, with a place taken for it; null, and nobody hands on any longer, where there is none or no place.
    private synchronized CompletableFuture<Void> take() {
        CompletableFuture<Void> next = free > 0 ? waiting.poll() : null;
        if (next == null) {
            handing = false;
        } else {
            free--;
        }
        return next;
    }

    private synchronized void giveBack() {
        free++;
    }
}
