package com.norikv.client;

import com.norikv.proto.v1.ScanRequest;
import com.norikv.proto.v1.ScanResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Reads the pages of a scan, each once; after a failure it goes on behind the last page that came. The deadline counts from page to page,
 * not over the whole scan. One page at a time.
 */
final class PageReader {
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
        long wait = runner.backoff.nextWait(failures, e.retryAfter());
        failures++;
        long left = deadline - System.nanoTime();
        if (runner.isClosed()) {
            page.completeExceptionally(Runner.closedError());
        } else if (left <= wait || failure.last || !e.code().isRetriable() || failures >= runner.options.retry().attemptsMax()) {
            close();
            page.completeExceptionally(e.code() == Code.COMMIT_TIMEOUT ? e.with(Code.DEADLINE_EXCEEDED, e.said()) : e);
        } else {
            runner.waitThen(() -> read(page), Math.min(wait, TimeUnit.MINUTES.toNanos(1)), page);
        }
    }
}
