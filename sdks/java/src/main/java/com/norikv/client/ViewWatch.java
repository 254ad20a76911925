package com.norikv.client;

import com.norikv.proto.v1.ClusterView;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;

/**
 * Follows the cluster's views, none older than the one before and none of another cluster; at another node when its own is gone. One that
 * refuses ends with an error where only nodes of another cluster are left; otherwise it goes on asking.
 */
final class ViewWatch {
    /** Completes when the taker had enough; fails by a refusal or the end of the client. */
    final CompletableFuture<Void> done = new CompletableFuture<>();
    private final Runner runner;
    private final Predicate<com.norikv.client.ClusterView> take;
    private final boolean refuses;
    private com.norikv.client.ClusterView last;
    private int failures;
    private String address;
    private ServerStream<ClusterView, ClusterView> stream; // guarded by this

    ViewWatch(Runner runner, boolean refuses, Predicate<com.norikv.client.ClusterView> take) {
        this.runner = runner;
        this.refuses = refuses;
        this.take = take;
        done.whenComplete((value, error) -> drop());
    }

    void start() {
        NodeConnection node;
        ServerStream<ClusterView, ClusterView> open;
        try {
            address = runner.pickAny(1);
            if (refuses) {
                runner.router.throwIfForeign(address);
            }
            node = runner.node(address);
            open = node.stream(Methods.WATCH, ClusterView.getDefaultInstance());
        } catch (NoriKVException e) {
            done.completeExceptionally(e);
            return;
        }
        synchronized (this) {
            stream = open;
        }
        if (done.isDone()) {
            drop();
        }
        // A node says its view at once: until then it is waited for. When the next one comes is nobody's to know.
        read(open, node.waitFor(open.next()));
    }

    void close() {
        done.cancel(false);
    }

    private void read(ServerStream<ClusterView, ClusterView> open, CompletableFuture<ClusterView> next) {
        next.whenComplete((message, error) -> {
            if (done.isDone()) {
                return;
            }
            if (message != null && runner.router.accepts(message.getClusterId(), address)) {
                came(message);
                read(open, open.next());
            } else if (message != null) {
                drop();
                again(null);
            } else {
                again(error);
            }
        });
    }

    private void came(ClusterView message) {
        failures = 0;
        runner.router.reached(address);
        if (last != null && message.getEpoch() <= last.epoch()) {
            return;
        }
        last = Wire.view(message);
        if (!take.test(last)) {
            done.complete(null);
        }
    }

    private void again(Throwable error) {
        if (error != null && Futures.unwrap(error) instanceof RpcFailure failure) {
            if (!failure.reached) {
                runner.router.unreachable(address);
            }
            if (!failure.isRetriable() || (refuses && failure.last)) {
                done.completeExceptionally(failure.error);
                return;
            }
        }
        runner.waitThen(this::start, runner.backoff.nextWait(failures++, java.time.Duration.ZERO), done);
    }

    private void drop() {
        ServerStream<ClusterView, ClusterView> open;
        synchronized (this) {
            open = stream;
            stream = null;
        }
        if (open != null) {
            open.cancel();
        }
    }
}
