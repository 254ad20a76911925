package com.norikv.client;

import com.norikv.proto.v1.StreamCall;
import com.norikv.proto.v1.StreamResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/** What operations share: the connections, the routing, the budget of retries. */
final class Runner {
    private static final byte[] NO_KEY = {};
    // Below this there is no time for another round trip.
    private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    final ClientOptions options;
    final Threads threads = new Threads();
    final Router router;
    final Backoff backoff;
    private final Channels channels;
    private final Set<CompletableFuture<?>> sleeping = ConcurrentHashMap.newKeySet();
    private final Map<String, NodeConnection> nodes = new HashMap<>(); // guarded by this, as all below
    private ViewWatch watching;
    private boolean closed;

    Runner(ClientOptions options) {
        this.options = options;
        this.router = new Router(options.addresses(), options.clusterId());
        this.backoff = new Backoff(options.retry(), new SplittableRandom());
        this.channels = new Channels(options);
    }

    /** The moment, in System.nanoTime, at which an operation with that deadline ends. */
    long deadline(Duration own) {
        Duration deadline = own == null ? options.deadline() : own;
        if (deadline.isNegative() || deadline.isZero()) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "the deadline must be positive");
        }
        long most = TimeUnit.DAYS.toNanos(365);
        return System.nanoTime() + (deadline.toSeconds() >= TimeUnit.DAYS.toSeconds(365) ? most : deadline.toNanos());
    }

    CompletableFuture<StreamResult> run(StreamCall call, byte[] key, boolean writes, long deadline) {
        if (!call.hasBatch()) {
            return attempts(key, writes, deadline, (node, perhapsDone) -> Futures.map(node.call(call, deadline), result -> answer(node, result)));
        }
        BatchParts parts = new BatchParts(call.getBatch().getOperationsList());
        CompletableFuture<StreamResult> whole = attempts(
            key, writes, deadline,
            (node, perhapsDone) ->
                Futures.map(node.call(call, deadline), result -> parts.take(answer(node, result).getBatch(), perhapsDone)));
        CompletableFuture<StreamResult> done = new CompletableFuture<>();
        Futures.cancelTogether(done, whole);
        whole.whenComplete((result, thrown) -> {
            Throwable error = thrown == null ? null : Futures.unwrap(thrown);
            if (error == null) {
                done.complete(result);
            } else if (error instanceof NoriKVException e && parts.hasAnswer() && e.code() != Code.CANCELLED) {
                done.complete(parts.end(e)); // the operations say what came of each
            } else {
                done.completeExceptionally(error);
            }
        });
        return done;
    }

    private static StreamResult answer(NodeConnection node, StreamResult result) {
        return switch (result.getResultCase()) {
            case ERROR -> throw new RpcFailure(RpcFailure.said(result.getError()), true, true);
            case RESULT_NOT_SET -> throw new RpcFailure(
                NoriKVException.of(Code.INTERNAL, node.address + " answered an empty result"), true, false);
            default -> result;
        };
    }

    /** The attempt is told the node, and whether an attempt before may have been done. */
    <T> CompletableFuture<T> attempts(
            byte[] key, boolean writes, long deadline, BiFunction<NodeConnection, Boolean, CompletableFuture<T>> attempt) {
        watch();
        Attempts<T> attempts = new Attempts<>(this, key, writes, deadline, attempt);
        attempts.run();
        return attempts.done;
    }

    /** Nanoseconds to wait before the retry of that number; negative when none fits before the deadline. */
    long nextWait(int retry, NoriKVException e, boolean atOnce, long deadline) {
        // A fresh hint is followed at once; the same one again means that the cluster is still deciding.
        long wait = atOnce ? 0 : backoff.nextWait(retry, e.retryAfter());
        long left = deadline - System.nanoTime();
        if (left < LEAST_NANOS || e.retryAfter().toNanos() > left) {
            return -1;
        }
        // A long wait near the end is halved, so that the last moments are used and not slept through.
        return Math.min(wait, left / 2);
    }

    /** Any node. */
    String pickAny(int attempt) {
        return router.pick(NO_KEY, attempt, null);
    }

    synchronized NodeConnection node(String address) {
        if (closed) {
            throw closedError();
        }
        return nodes.computeIfAbsent(
            address, a -> new NodeConnection(a, channels.open(a), threads, options, router, this::silent));
    }

    // A node says nothing: its calls go elsewhere, and the next one to it makes a connection of its own.
    private void silent(NodeConnection node) {
        router.silent(node.address);
        synchronized (this) {
            nodes.remove(node.address, node);
        }
        node.end(NoriKVException.of(Code.UNAVAILABLE, node.address + " said nothing for " + options.silenceMax().multipliedBy(2).toMillis()
            + " ms while calls waited"));
    }

    /** Runs the task after a while; when the client is closed meanwhile, the future fails instead. */
    void waitThen(Runnable task, long nanos, CompletableFuture<?> waits) {
        sleeping.add(waits);
        threads.after(() -> {
            if (sleeping.remove(waits)) {
                task.run();
            }
        }, nanos);
        if (isClosed()) {
            wake();
        }
    }

    /** Fails the future at that moment, unless it is done by then. */
    void until(long deadline, CompletableFuture<?> waits, Supplier<NoriKVException> late) {
        ScheduledFuture<?> timer = threads.timers.schedule(
            () -> waits.completeExceptionally(late.get()), Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
        waits.whenComplete((value, error) -> timer.cancel(false));
    }

    /** Fails the future at that moment or when the client is closed. */
    void waitsForPlace(CompletableFuture<?> place, long deadline, Supplier<NoriKVException> late) {
        sleeping.add(place);
        place.whenComplete((value, error) -> sleeping.remove(place));
        until(deadline, place, late);
        if (isClosed()) {
            wake();
        }
    }

    private void wake() {
        for (CompletableFuture<?> one : sleeping) {
            if (sleeping.remove(one)) {
                one.completeExceptionally(closedError());
            }
        }
    }

    synchronized boolean isClosed() {
        return closed;
    }

    static NoriKVException closedError() {
        return NoriKVException.of(Code.CANCELLED, "the client was closed");
    }

    void close() {
        List<NodeConnection> open;
        ViewWatch watch;
        synchronized (this) {
            closed = true;
            open = new ArrayList<>(nodes.values());
            nodes.clear();
            watch = watching;
        }
        wake(); // first, so that none of them begins when those in flight end
        if (watch != null) {
            watch.close();
        }
        open.forEach(NodeConnection::close);
        wake();
        threads.close();
    }

    void watch() {
        ViewWatch started;
        synchronized (this) {
            if (closed || watching != null || !options.smartRouting()) {
                return;
            }
            // Refused or closed: without a view any node takes any request.
            watching = started = new ViewWatch(this, false, view -> {
                router.update(new RoutingTable(view));
                prune();
                return true;
            });
        }
        started.start();
    }

    private void prune() {
        List<NodeConnection> gone = new ArrayList<>();
        synchronized (this) {
            if (nodes.size() <= options.nodesMax()) {
                return;
            }
            nodes.values().removeIf(node -> !router.knows(node.address) && gone.add(node));
        }
        gone.forEach(node -> node.end(
            NoriKVException.of(Code.UNAVAILABLE, node.address + " is not a node of the cluster any more")));
    }
}
