package com.norikv.client;

import com.norikv.proto.v1.StreamRequest;
import com.norikv.proto.v1.StreamResponse;
import com.norikv.proto.v1.StreamResult;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * One {@code Kv.Stream}: gathers what waits into messages and settles what comes back. Nothing is written before the connection stands,
 * so a call that found none was not sent.
 */
final class CallStream extends ClientCall.Listener<StreamResponse> {
    private static final int ANSWERS_AHEAD = 64;

    private final ClientCall<StreamRequest, StreamResponse> call;
    private final Threads threads;
    private final String address;
    private final String clusterId; // which one the node was told that the calls are for; null for whichever it is of
    private final int messageBytesMax;
    private final Object encoding = new Object(); // held while keys and values are read: behind a call they are its caller's again
    private final Map<Long, Pending> pending = new HashMap<>(); // guarded by this, as all below
    private final ArrayDeque<Pending> waiting = new ArrayDeque<>();
    private long lastId;
    private RpcFailure over; // why it is open no longer
    private boolean stood;
    private boolean writing;

    CallStream(ClientCall<StreamRequest, StreamResponse> call, Threads threads, String address, String clusterId, int messageBytesMax) {
        this.call = call;
        this.clusterId = clusterId;
        this.threads = threads;
        this.address = address;
        this.messageBytesMax = messageBytesMax;
    }

    void start() {
        call.start(this, NodeConnection.headers(clusterId));
        call.request(ANSWERS_AHEAD);
    }

    String clusterId() {
        return clusterId;
    }

    /** Takes no further call, and ends when its last one is answered. */
    void endWhenIdle() {
        boolean idle;
        synchronized (this) {
            idle = over != null || pending.isEmpty();
        }
        if (idle) {
            fail(new RpcFailure(NoriKVException.of(Code.UNAVAILABLE, "the stream was replaced"), true, false));
        } else {
            threads.timers.schedule(this::endWhenIdle, 50, TimeUnit.MILLISECONDS);
        }
    }

    synchronized boolean isOpen() {
        return over == null;
    }

    /** Null, or why the stream is over: the call was not taken. */
    RpcFailure take(Pending p) {
        synchronized (this) {
            if (over != null) {
                return over.reached(false);
            }
            p.id = ++lastId;
            pending.put(p.id, p);
            waiting.add(p);
        }
        p.timer = threads.timers.schedule(() -> late(p), Math.max(0, p.deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
        p.done.whenComplete((result, error) -> {
            p.timer.cancel(false);
            if (p.done.isCancelled()) {
                forget(p);
            }
        });
        write();
        return null;
    }

    // On a thread of its own, so that what comes meanwhile shares the next message.
    private void write() {
        synchronized (this) {
            if (writing || !stood || waiting.isEmpty()) {
                return;
            }
            writing = true;
        }
        threads.writer.execute(this::writeAll);
    }

    private void writeAll() {
        while (call.isReady()) {
            synchronized (encoding) {
                StreamRequest request = gather();
                if (request == null) {
                    return;
                }
                try {
                    call.sendMessage(request);
                } catch (IllegalStateException e) {
                    return; // the stream is over and has told all that were on it
                }
            }
        }
        synchronized (this) {
            writing = false;
        }
        if (call.isReady()) { // it became so between the two: its signal found us writing
            write();
        }
    }

    // Null when nothing waits; then nobody writes any longer.
    private synchronized StreamRequest gather() {
        StreamRequest.Builder request = StreamRequest.newBuilder();
        int size = 0;
        while (!waiting.isEmpty() && (size == 0 || size + waiting.peek().bytes <= messageBytesMax)) {
            Pending p = waiting.poll();
            if (pending.get(p.id) != p) {
                continue; // given up meanwhile
            }
            long left = TimeUnit.NANOSECONDS.toMillis(p.deadline - System.nanoTime()) + 1;
            p.sent = true;
            size += p.bytes;
            request.addCalls(p.call.toBuilder().setId(p.id).setTimeoutMs((int) Math.max(1, Math.min(left, Integer.MAX_VALUE))));
        }
        if (size == 0) {
            writing = false;
            return null;
        }
        return request.build();
    }

    @Override
    public void onReady() {
        synchronized (this) {
            stood = true;
        }
        write();
    }

    @Override
    public void onMessage(StreamResponse response) {
        List<Pending> settled = new ArrayList<>(response.getResultsCount());
        synchronized (this) {
            for (StreamResult result : response.getResultsList()) {
                settled.add(pending.remove(result.getId()));
            }
        }
        for (int i = 0; i < settled.size(); i++) {
            if (settled.get(i) != null) {
                settled.get(i).done.complete(response.getResults(i));
            }
        }
        call.request(1);
    }

    @Override
    public void onClose(io.grpc.Status status, Metadata trailers) {
        boolean didStand;
        synchronized (this) {
            didStand = stood;
        }
        RpcFailure failure = RpcFailure.of(status, trailers, address);
        fail(didStand ? failure : failure.reached(false));
    }

    /** Ends the stream and all that is on it. */
    void fail(RpcFailure failure) {
        List<Pending> ended;
        boolean[] sent;
        synchronized (this) {
            if (over != null) {
                return;
            }
            over = failure;
            ended = new ArrayList<>(pending.values());
            sent = new boolean[ended.size()];
            for (int i = 0; i < sent.length; i++) {
                sent[i] = ended.get(i).sent;
            }
            pending.clear();
            waiting.clear();
        }
        call.cancel("the stream is over", null);
        letGo();
        for (int i = 0; i < sent.length; i++) {
            ended.get(i).done.completeExceptionally(failure.reached(failure.reached && sent[i]));
        }
    }

    private void late(Pending p) {
        boolean sent;
        boolean stands;
        synchronized (this) {
            if (pending.remove(p.id) == null) {
                return;
            }
            sent = p.sent;
            stands = stood;
        }
        letGo();
        p.done.completeExceptionally(stands
            ? new RpcFailure(NoriKVException.of(Code.COMMIT_TIMEOUT, "no answer before the deadline"), sent, false)
            : RpcFailure.notReached("no connection to " + address + " in time"));
    }

    private void forget(Pending p) {
        synchronized (this) {
            pending.remove(p.id);
        }
        letGo();
    }

    // Returns once nothing reads the keys and values of a call that is not pending any more. Not to be called with the lock of this.
    private void letGo() {
        synchronized (encoding) {
            return;
        }
    }
}
