package com.norikv.client;

import com.norikv.proto.v1.StreamCall;
import com.norikv.proto.v1.StreamResult;
import io.grpc.CallOptions;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;

/** The channel of one node and its stream, opened when first used and again after a failure. */
final class NodeConnection {
    // A message near the node's inbound limit would end a shared stream and all calls on it: it goes alone.
    private static final int SHARED_CALL_BYTES_MAX = 1 << 20;
    // What a call costs beside its request: tags, lengths, id, timeout.
    private static final int OVERHEAD_BYTES = 64;
    private static final long RECONNECT_NANOS = 100_000_000L;

    final String address;
    private final ManagedChannel channel;
    private final Threads threads;
    private final int messageBytesMax;
    private CallStream stream; // guarded by this, as all below
    private boolean closed;
    private long reconnected = System.nanoTime() - RECONNECT_NANOS;

    NodeConnection(String address, ManagedChannel channel, Threads threads, int messageBytesMax) {
        this.address = address;
        this.channel = channel;
        this.threads = threads;
        this.messageBytesMax = messageBytesMax;
    }

    /** One attempt; fails with RpcFailure. Cancelling it gives it up. */
    CompletableFuture<StreamResult> call(StreamCall call, long deadline) {
        int size = OVERHEAD_BYTES + call.getSerializedSize();
        if (size > SHARED_CALL_BYTES_MAX) {
            return alone(call, deadline);
        }
        Pending p = new Pending(call, size, deadline);
        while (true) {
            CallStream open = openStream();
            if (open == null) {
                return CompletableFuture.failedFuture(RpcFailure.closed().reached(false));
            }
            if (open.take(p)) {
                return p.done;
            }
        }
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
        CallStream open;
        synchronized (this) {
            closed = true;
            open = stream;
        }
        if (open != null) {
            open.fail(RpcFailure.closed());
        }
        channel.shutdownNow();
    }

    private <Q, A> ServerStream<Q, A> stream(MethodDescriptor<Q, A> method, Q request, CallOptions options) {
        reconnectSoon();
        return new ServerStream<>(channel.newCall(method, options), request, address);
    }

    private synchronized CallStream openStream() {
        if (closed) {
            return null;
        }
        if (stream == null || !stream.isOpen()) {
            reconnectSoon();
            stream = new CallStream(channel.newCall(Methods.STREAM, CallOptions.DEFAULT), threads, address, messageBytesMax);
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
