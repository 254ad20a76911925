package com.norikv.client;

import io.grpc.ClientCall;
import io.grpc.Grpc;
import io.grpc.Metadata;
import java.util.concurrent.CompletableFuture;

/** The answers of one call, taken one by one; a unary call has one. */
final class ServerStream<Q, A> extends ClientCall.Listener<A> {
    private final ClientCall<Q, A> call;
    private final String address;
    private CompletableFuture<A> wanted; // guarded by this, as all below
    private A early;
    private boolean ended;
    private RpcFailure failure;

    ServerStream(ClientCall<Q, A> call, Q request, String address, Metadata headers) {
        this.call = call;
        this.address = address;
        call.start(this, headers);
        call.request(1);
        call.sendMessage(request);
        call.halfClose();
    }

    /** The next answer; null at the end; one at a time. */
    synchronized CompletableFuture<A> next() {
        CompletableFuture<A> next = new CompletableFuture<>();
        if (early != null) {
            next.complete(early);
            early = null;
            call.request(1);
        } else if (failure != null) {
            next.completeExceptionally(failure);
        } else if (ended) {
            next.complete(null);
        } else {
            wanted = next;
        }
        return next;
    }

    void cancel() {
        call.cancel("no longer wanted", null);
    }

    @Override
    public void onMessage(A message) {
        CompletableFuture<A> waiting;
        synchronized (this) {
            waiting = wanted;
            wanted = null;
            if (waiting == null) {
                early = message;
                return;
            }
        }
        call.request(1);
        waiting.complete(message);
    }

    @Override
    public void onClose(io.grpc.Status status, Metadata trailers) {
        CompletableFuture<A> waiting;
        boolean stood = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR) != null;
        synchronized (this) {
            ended = true;
            failure = status.isOk() ? null : RpcFailure.ofCall(status, trailers, address, stood);
            waiting = wanted;
            wanted = null;
        }
        if (waiting != null) {
            if (status.isOk()) {
                waiting.complete(null);
            } else {
                waiting.completeExceptionally(failure);
            }
        }
    }
}
