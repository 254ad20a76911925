package com.norikv.client;

import com.norikv.proto.v1.ScanRequest;
import com.norikv.proto.v1.ScanResponse;
import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * Reads the pages of a scan, each once; after a failure it goes on behind the last page that came. The deadline counts from page to page,
 * not over the whole scan. One page at a time.
 */
final class PageReader {
    // Netty's buffers are not the collector's: of a scan that was forgotten unread pages would never be given back.
    private static final Cleaner FORGOTTEN = Cleaner.create(task -> {
        Thread thread = new Thread(task, "norikv-forgotten");
        thread.setDaemon(true);
        return thread;
    });

    private final Runner runner;
    private final Duration ownDeadline;
    private final long limit;
    private ScanRequest request;
    private long received;
    private int failures;
    private long deadline;
    private ServerStream<ScanRequest, ScanResponse> stream; // guarded by this, as over
    private NodeConnection node;
    private String address;
    private boolean over;

    PageReader(Runner runner, ScanRequest request, Duration ownDeadline) {
        this.runner = runner;
        this.request = request;
        this.ownDeadline = ownDeadline;
        this.limit = request.getLimit();
        this.deadline = runner.deadline(ownDeadline);
        runner.watch();
    }

    /** The next page; null at the end. */
    CompletableFuture<ScanResponse> next() {
        CompletableFuture<ScanResponse> page = new CompletableFuture<>();
        page.whenComplete((value, error) -> {
            if (page.isCancelled()) {
                close();
            }
        });
        deadline = runner.deadline(ownDeadline);
        read(page);
        return page;
    }

    /** Closes this reader when its owner, of which it must know nothing, was forgotten and is collected. */
    Cleaner.Cleanable closeWith(Object owner) {
        return FORGOTTEN.register(owner, this::close);
    }

    synchronized boolean isOver() {
        return over;
    }

    void close() {
        ServerStream<ScanRequest, ScanResponse> open;
        synchronized (this) {
            over = true;
            open = stream;
            stream = null;
        }
        if (open != null) {
            open.cancel();
        }
    }

    private void read(CompletableFuture<ScanResponse> page) {
        ServerStream<ScanRequest, ScanResponse> open;
        try {
            open = open();
        } catch (NoriKVException e) {
            page.completeExceptionally(e);
            return;
        }
        if (open == null) {
            page.complete(null);
            return;
        }
        CompletableFuture<ScanResponse> next = node.waitFor(open.next());
        runner.until(deadline, next, () -> NoriKVException.of(Code.COMMIT_TIMEOUT, "no page of the scan came in time"));
        next.whenComplete((value, error) -> ended(page, value, error));
    }

    private synchronized ServerStream<ScanRequest, ScanResponse> open() {
        if (over) {
            return null;
        }
        if (stream == null) {
            if (limit > 0 && !request.getCountOnly()) {
                request = request.toBuilder().setLimit(limit - received).build(); // a limit is a call's: go on with the rest
            }
            address = runner.pickAny(failures);
            runner.router.throwIfForeign(address);
            node = runner.node(address);
            stream = node.stream(Methods.SCAN, request);
        }
        return stream;
    }

    private void ended(CompletableFuture<ScanResponse> page, ScanResponse value, Throwable thrown) {
        if (thrown == null) {
            if (value == null) {
                close();
            } else {
                came(value);
            }
            page.complete(value);
            return;
        }
        Throwable error = Futures.unwrap(thrown);
        RpcFailure failure = error instanceof RpcFailure known ? known
            : new RpcFailure(error instanceof NoriKVException e ? e : NoriKVException.of(Code.CANCELLED, "given up"), true, false);
        drop();
        retry(page, failure);
    }

    private void came(ScanResponse value) {
        failures = 0;
        runner.backoff.succeeded();
        runner.router.reached(address);
        request = request.toBuilder().setPageToken(value.getNextPageToken()).build();
        received += value.getPairsCount();
        // A page without a token, or that fills the limit, is the last: a failure behind it loses nothing.
        if (value.getNextPageToken().isEmpty() || (limit > 0 && received >= limit)) {
            close();
        }
    }

    private void drop() {
        ServerStream<ScanRequest, ScanResponse> open;
        synchronized (this) {
            open = stream;
            stream = null;
        }
        if (open != null) {
            open.cancel();
        }
    }

    private void retry(CompletableFuture<ScanResponse> page, RpcFailure failure) {
        NoriKVException e = failure.error;
        if (Router.isForeign(e)) {
            runner.router.foreign(address, e);
            read(page);
            return;
        }
        if (!failure.reached && e.code() == Code.UNAVAILABLE) {
            runner.router.unreachable(address);
        }
        boolean again = !failure.last && failure.isRetriable() && failures + 1 < runner.options.retry().attemptsMax();
        long wait = again ? runner.nextWait(failures, e, false, deadline) : -1;
        failures++;
        if (runner.isClosed()) {
            page.completeExceptionally(Runner.closedError());
        } else if (wait < 0) {
            fail(page, e);
        } else {
            runner.waitThen(() -> again(page, e), wait, page);
        }
    }

    // A busy machine may sleep past the deadline.
    private void again(CompletableFuture<ScanResponse> page, NoriKVException e) {
        if (deadline - System.nanoTime() <= 0) {
            fail(page, e);
        } else {
            read(page);
        }
    }

    private void fail(CompletableFuture<ScanResponse> page, NoriKVException e) {
        close();
        page.completeExceptionally(e.code() == Code.COMMIT_TIMEOUT ? RpcFailure.ofRead(e, e.said()) : e);
    }
}
