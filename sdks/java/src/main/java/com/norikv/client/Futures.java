package com.norikv.client;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.function.Function;

/** Futures whose cancellation reaches what they wait for. */
final class Futures {
    private Futures() {
    }

    static <A, B> CompletableFuture<B> map(CompletableFuture<A> source, Function<? super A, ? extends B> function) {
        CompletableFuture<B> mapped = new CompletableFuture<>();
        source.whenComplete((value, error) -> settle(mapped, value, error, function));
        cancelTogether(mapped, source);
        return mapped;
    }

    /** As map, completed on the executor: what the caller hangs on it must not run on a thread of the network. */
    static <A> CompletableFuture<A> handOver(CompletableFuture<A> source, Executor executor) {
        CompletableFuture<A> handed = new CompletableFuture<>();
        source.whenCompleteAsync((value, error) -> settle(handed, value, error, v -> v), executor).whenComplete((none, refused) -> {
            if (!handed.isDone()) { // the executor took nothing more: better here than never
                source.whenComplete((value, error) -> settle(handed, value, error, v -> v));
            }
        });
        cancelTogether(handed, source);
        return handed;
    }

    static void cancelTogether(CompletableFuture<?> outer, CompletableFuture<?> inner) {
        outer.whenComplete((value, error) -> {
            if (outer.isCancelled()) {
                inner.cancel(false);
            }
        });
    }

    private static <A, B> void settle(CompletableFuture<B> to, A value, Throwable error, Function<? super A, ? extends B> function) {
        if (error != null) {
            to.completeExceptionally(unwrap(error));
            return;
        }
        try {
            to.complete(function.apply(value));
        } catch (RuntimeException e) {
            to.completeExceptionally(e);
        }
    }

    static Throwable unwrap(Throwable error) {
        return error instanceof CompletionException && error.getCause() != null ? error.getCause() : error;
    }

    /** Waits; an interrupt cancels what it waits for. */
    static <A> A await(CompletableFuture<A> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            future.cancel(true);
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for the node");
        } catch (ExecutionException e) {
            Throwable cause = unwrap(e.getCause());
            if (cause instanceof NoriKVException failure) {
                throw failure.here();
            }
            if (cause instanceof RuntimeException unchecked) {
                throw unchecked;
            }
            throw new IllegalStateException(cause);
        }
    }
}
