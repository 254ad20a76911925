package com.norikv.client;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;

/** Runs one operation to its end: attempt, judge, wait, attempt again, all within one deadline. */
final class Attempts<T> implements Runnable {
    // Nodes that name each other as leaders would keep a client running in a circle: behind so many hints it waits.
    private static final int HINTS_AT_ONCE_MAX = 2;

    final CompletableFuture<T> done = new CompletableFuture<>();
    private final Runner runner;
    private final byte[] key;
    private final boolean writes;
    private final long deadline;
    private final BiFunction<NodeConnection, Boolean, CompletableFuture<T>> attempt;
    // One attempt at a time, each begun by the end of the one before: no lock for what follows.
    private int number;
    private int followed;
    private String hint;
    private String address;
    private boolean perhapsDone;

    Attempts(Runner runner, byte[] key, boolean writes, long deadline, BiFunction<NodeConnection, Boolean, CompletableFuture<T>> attempt) {
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
        NoriKVException refusal = runner.router.refusal(address);
        if (refusal != null) {
            done.completeExceptionally(conclusion(refusal, number));
            return;
        }
        CompletableFuture<T> current;
        try {
            current = attempt.apply(runner.node(address), perhapsDone);
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
        perhapsDone |= failure.said ? e.code() == Code.COMMIT_TIMEOUT : failure.reached && failure.isRetriable();
        if (Router.isForeign(e)) {
            // Refused before it was looked at; another node may be of our cluster.
            runner.router.foreign(address, e);
            number++;
            hint = null;
            run();
            return;
        }
        if (failure.last || !failure.isRetriable()) {
            done.completeExceptionally(conclusion(e, number + 1));
            return;
        }
        followed = e.hint() != null && !e.hint().equals(hint) ? followed + 1 : 0;
        boolean atOnce = followed > 0 && followed <= HINTS_AT_ONCE_MAX;
        long wait = number + 1 < runner.options.retry().attemptsMax() ? runner.nextWait(number, e, atOnce, deadline) : -1;
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

    // What an operation ends with that is not tried again. Where an attempt before may have been done, only an answer that looked at the key
    // says what came of it: a refusal, or a node of another cluster, knows nothing of that attempt. CANCELLED leaves it open by itself.
    private NoriKVException conclusion(NoriKVException e, int attempts) {
        boolean decided = e.code().isDecided() || e.code() == Code.CANCELLED;
        return writes && perhapsDone && !decided ? last(e, attempts) : e;
    }

    private NoriKVException last(NoriKVException e) {
        return last(e, number + 1);
    }

    private NoriKVException last(NoriKVException e, int attempts) {
        String tried = "(after " + attempts + (attempts == 1 ? " attempt" : " attempts") + ", last at " + address + ")";
        if (writes && perhapsDone) {
            return e.with(Code.COMMIT_TIMEOUT, "COMMIT_TIMEOUT: the outcome is unknown " + tried + ": " + e.said());
        }
        return RpcFailure.ofRead(e, e.said() + " " + tried);
    }
}
