package com.norikv.client;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Runs one operation to its end: attempt, judge, wait, attempt again, all within one deadline. */
final class Attempts<T> implements Runnable {
    // Below this there is no time for another round trip.
    private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
    // Nodes that name each other as leaders would keep a client running in a circle: behind so many hints it waits.
    private static final int HINTS_AT_ONCE_MAX = 2;

    final CompletableFuture<T> done = new CompletableFuture<>();
    private final Runner runner;
    private final byte[] key;
    private final boolean writes;
    private final long deadline;
    private final Function<NodeConnection, CompletableFuture<T>> attempt;
    // One attempt at a time, each begun by the end of the one before: no lock for what follows.
    private int number;
    private int followed;
    private String hint;
    private String address;
    private boolean perhapsDone;

    Attempts(Runner runner, byte[] key, boolean writes, long deadline, Function<NodeConnection, CompletableFuture<T>> attempt) {
        this.runner = runner;
        this.key = key;
        this.writes = writes;
        this.deadline = deadline;
        this.attempt = attempt;
    }

    @Override
    public void run() {
        if (done.isDone()) {
            return;
        }
        address = runner.router.pick(key, number, hint);
        CompletableFuture<T> current;
        try {
            runner.router.throwIfForeign(address);
            current = attempt.apply(runner.node(address));
        } catch (RuntimeException e) {
            done.completeExceptionally(e);
            return;
        }
        Futures.cancelTogether(done, current);
        current.whenComplete(this::ended);
    }

    private void ended(T result, Throwable thrown) {
        Throwable error = thrown == null ? null : Futures.unwrap(thrown);
        if (error == null) {
            runner.router.reached(address);
            runner.backoff.succeeded();
            done.complete(result);
        } else if (error instanceof RpcFailure failure) {
            failed(failure);
        } else if (!(error instanceof CancellationException) || !done.isDone()) {
            done.completeExceptionally(error);
        }
    }

    private void failed(RpcFailure failure) {
        NoriKVException e = failure.error;
        if (!failure.reached && e.code() == Code.UNAVAILABLE) {
            runner.router.unreachable(address);
        }
        // What the node itself says of an operation is exact; of a call or stream that broke nobody knows.
        boolean broke = e.code() == Code.INTERNAL && !failure.said; // of the connection, not of the operation
        perhapsDone |= failure.said ? e.code() == Code.COMMIT_TIMEOUT : failure.reached && (broke || e.code().isRetriable());
        if (Router.isForeign(e)) {
            // Refused before it was looked at; another node may be of our cluster.
            runner.router.foreign(address, e);
            number++;
            hint = null;
            run();
            return;
        }
        if (failure.last || (!broke && !e.code().isRetriable())) {
            done.completeExceptionally(e);
            return;
        }
        followed = e.hint() != null && !e.hint().equals(hint) ? followed + 1 : 0;
        long wait = number + 1 < runner.options.retry().attemptsMax() ? nextWait(e) : -1;
        if (wait < 0) {
            done.completeExceptionally(last(e));
            return;
        }
        if (wait > 0) {
            followed = 0;
        }
        hint = e.hint();
        runner.waitThen(() -> again(e), wait, done);
    }

    // A busy machine may sleep past the deadline: an attempt begun then could only make unknown what is known.
    private void again(NoriKVException e) {
        if (deadline - System.nanoTime() <= 0) {
            done.completeExceptionally(last(e));
            return;
        }
        number++;
        run();
    }

    // Negative when no further attempt fits before the deadline.
    private long nextWait(NoriKVException e) {
        // A fresh hint is followed at once; the same one again means that the cluster is still deciding.
        boolean atOnce = followed > 0 && followed <= HINTS_AT_ONCE_MAX;
        long wait = atOnce ? 0 : runner.backoff.nextWait(number, e.retryAfter());
        long left = deadline - System.nanoTime();
        if (left < LEAST_NANOS || e.retryAfter().toNanos() > left) {
            return -1;
        }
        // A long wait near the end is halved, so that the last moments are used and not slept through.
        return Math.min(wait, left / 2);
    }

    private NoriKVException last(NoriKVException e) {
        String tried = "(after " + (number + 1) + " attempts, last at " + address + ")";
        if (writes && perhapsDone) {
            return e.with(Code.COMMIT_TIMEOUT, "COMMIT_TIMEOUT: the outcome is unknown " + tried + ": " + e.said());
        }
        // A read has no outcome to be unknown.
        return e.with(e.code() == Code.COMMIT_TIMEOUT ? Code.DEADLINE_EXCEEDED : e.code(), e.said() + " " + tried);
    }
}
