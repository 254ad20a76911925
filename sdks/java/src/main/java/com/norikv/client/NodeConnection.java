package com.norikv.client;

import com.norikv.proto.v1.StreamCall;
import com.norikv.proto.v1.StreamResult;
import io.grpc.CallOptions;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/**
 * The channel of one node and its stream, opened when first used and again after a failure. A node that says nothing while calls wait is
 * asked for its health; without an answer somebody is told, who ends the connection.
 */
final class NodeConnection {
    // A message near the node's inbound limit would end a shared stream and all calls on it: it goes alone.
    private static final int SHARED_CALL_BYTES_MAX = 1 << 20;
    // More than any node takes: it would end the connection in the middle of it, and what for nobody could say.
    private static final int CALL_BYTES_MAX = 64 << 20;
    // What a call costs beside its request: tags, lengths, id, timeout.
    private static final int OVERHEAD_BYTES = 64;
    private static final long RECONNECT_NANOS = 100_000_000L;
    private static final Metadata.Key<String> CLUSTER_ID =
        Metadata.Key.of("norikv-cluster-id", Metadata.ASCII_STRING_MARSHALLER);

    final String address;
    private final ManagedChannel channel;
    private final Threads threads;
    private final ClientOptions options;
    private final Router router;
    private final Consumer<NodeConnection> silent;
    private CallStream stream; // guarded by this, as all below
    private NoriKVException ended;
    private int waiting; // calls that wait for the node
    private long heardAt; // when one of them was answered last, or the first of them began
    private boolean listening;
    private long reconnected = System.nanoTime() - RECONNECT_NANOS;

    NodeConnection(
            String address, ManagedChannel channel, Threads threads, ClientOptions options, Router router,
            Consumer<NodeConnection> silent) {
        this.address = address;
        this.channel = channel;
        this.threads = threads;
        this.options = options;
        this.router = router;
        this.silent = silent;
    }

    static Metadata headers(String clusterId) {
        Metadata headers = new Metadata();
        if (clusterId != null) {
            headers.put(CLUSTER_ID, clusterId);
        }
        return headers;
    }

    /** One attempt; fails with RpcFailure. Cancelling it gives it up. */
    CompletableFuture<StreamResult> call(StreamCall call, long deadline) {
        return waitFor(attempt(call, deadline));
    }

    /** What waits for the node: when nothing is answered for long, it is asked whether it lives. */
    <A> CompletableFuture<A> waitFor(CompletableFuture<A> answer) {
        synchronized (this) {
            if (waiting++ == 0) {
                heardAt = System.nanoTime();
            }
            if (!listening && ended == null) {
                listening = true;
                listenSoon();
            }
        }
        answer.whenComplete((value, error) -> {
            synchronized (this) {
                waiting--;
                if (error == null) {
                    heardAt = System.nanoTime();
                }
            }
        });
        return answer;
    }

    private void listenSoon() {
        threads.after(this::listen, options.silenceMax().toNanos() / 4);
    }

    private void listen() {
        synchronized (this) {
            if (waiting == 0 || ended != null) {
                listening = false;
                return;
            }
            if (System.nanoTime() - heardAt < options.silenceMax().toNanos()) {
                listenSoon();
                return;
            }
        }
        // Calls may wait long at a node that is well, for an election say: so it is asked before it is given up.
        long asked = System.nanoTime();
        long late = asked + options.silenceMax().toNanos();
        unary(Methods.HEALTH, com.norikv.proto.v1.StreamRequest.getDefaultInstance(), late).whenComplete((answer, error) -> {
            if (error != null && Futures.unwrap(error) instanceof RpcFailure failure && failure.late && !heardSince(asked)) {
                silent.accept(this);
                return;
            }
            synchronized (this) {
                heardAt = System.nanoTime();
                listenSoon();
            }
        });
    }

    // A node with far too much to do may answer calls before the question: that is an answer, too.
    private synchronized boolean heardSince(long time) {
        return heardAt - time > 0;
    }

    private CompletableFuture<StreamResult> attempt(StreamCall call, long deadline) {
        int size = OVERHEAD_BYTES + call.getSerializedSize();
        if (size > CALL_BYTES_MAX) {
            return CompletableFuture.failedFuture(
                NoriKVException.of(Code.INVALID_ARGUMENT, "a request of " + size + " bytes exceeds " + CALL_BYTES_MAX));
        }
        if (size > SHARED_CALL_BYTES_MAX) {
            return alone(call, deadline);
        }
        Pending p = new Pending(call, size, deadline);
        CallStream open = openStream();
        if (open == null) {
            return CompletableFuture.failedFuture(new RpcFailure(ended(), false, false));
        }
        RpcFailure over = open.take(p);
        // A stream may be over before it stands, where a name is unknown say. When to open another is the operation's decision, which
        // waits between attempts and looks at its deadline.
        return over == null ? p.done : CompletableFuture.failedFuture(over);
    }

    /** A call with a single answer. */
    <Q, A> CompletableFuture<A> unary(MethodDescriptor<Q, A> method, Q request, long deadline) {
        CallOptions options = CallOptions.DEFAULT
            .withDeadlineAfter(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
        ServerStream<Q, A> answers = stream(method, request, options);
        CompletableFuture<A> answer = new CompletableFuture<>();
        answers.next().whenComplete((first, error) -> {
            if (error != null || first == null) {
                fail(answer, error);
                return;
            }
            // It is good only with its status.
            answers.next().whenComplete((none, late) -> {
                if (late != null) {
                    fail(answer, late);
                } else {
                    answer.complete(first);
                }
            });
        });
        answer.whenComplete((value, error) -> {
            if (answer.isCancelled()) {
                answers.cancel();
            }
        });
        return answer;
    }

    <Q, A> ServerStream<Q, A> stream(MethodDescriptor<Q, A> method, Q request) {
        return stream(method, request, CallOptions.DEFAULT);
    }

    void close() {
        end(Runner.closedError());
    }

    /** Ends the connection: its calls fail with this error, and so does each that comes. */
    void end(NoriKVException why) {
        CallStream open;
        synchronized (this) {
            if (ended == null) {
                ended = why;
            }
            open = stream;
        }
        if (open != null) {
            open.fail(new RpcFailure(why, true, false));
        }
        channel.shutdownNow();
    }

    private synchronized NoriKVException ended() {
        return ended;
    }

    private <Q, A> ServerStream<Q, A> stream(MethodDescriptor<Q, A> method, Q request, CallOptions options) {
        reconnectSoon();
        return new ServerStream<>(channel.newCall(method, options), request, address, headers(router.clusterId()));
    }

    private synchronized CallStream openStream() {
        if (ended != null) {
            return null;
        }
        String cluster = router.clusterId();
        if (stream != null && stream.isOpen() && stream.clusterId() == null && cluster != null) {
            // It did not say which cluster its calls are for: any node took it. What it has is still answered.
            stream.endWhenIdle();
            stream = null;
        }
        if (stream == null || !stream.isOpen()) {
            reconnectSoon();
            stream = new CallStream(
                channel.newCall(Methods.STREAM, CallOptions.DEFAULT), threads, address, cluster, options.messageBytesMax());
            stream.start();
        }
        return stream;
    }

    // After a failure grpc would refuse calls for up to two minutes before it connects again. How soon to come back is the runner's
    // decision, which waits between attempts.
    private synchronized void reconnectSoon() {
        if (System.nanoTime() - reconnected >= RECONNECT_NANOS && channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE) {
            reconnected = System.nanoTime();
            channel.resetConnectBackoff();
        }
    }

    private CompletableFuture<StreamResult> alone(StreamCall call, long deadline) {
        StreamResult.Builder result = StreamResult.newBuilder();
        return switch (call.getCallCase()) {
            case PUT -> alone(Methods.PUT, call.getPut(), deadline, (r, a) -> r.setPut(a), result);
            case DELETE -> alone(Methods.DELETE, call.getDelete(), deadline, (r, a) -> r.setDelete(a), result);
            case BATCH -> alone(Methods.BATCH, call.getBatch(), deadline, (r, a) -> r.setBatch(a), result);
            default -> alone(Methods.GET, call.getGet(), deadline, (r, a) -> r.setGet(a), result);
        };
    }

    private <Q, A> CompletableFuture<StreamResult> alone(
            MethodDescriptor<Q, A> method, Q request, long deadline, BiFunction<StreamResult.Builder, A, StreamResult.Builder> set,
            StreamResult.Builder result) {
        return Futures.map(unary(method, request, deadline), answer -> set.apply(result, answer).build());
    }

    private void fail(CompletableFuture<?> answer, Throwable error) {
        answer.completeExceptionally(error != null ? Futures.unwrap(error) : new RpcFailure(
            NoriKVException.of(Code.INTERNAL, address + " ended a call without an answer"), true, false));
    }
}
