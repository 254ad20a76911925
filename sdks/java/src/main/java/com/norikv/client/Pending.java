package com.norikv.client;

import com.norikv.proto.v1.StreamCall;
import com.norikv.proto.v1.StreamResult;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/** One attempt on a stream: settled once, by its answer or by what went wrong. */
final class Pending {
    final StreamCall call;
    final int bytes;
    final long deadline;
    final CompletableFuture<StreamResult> done = new CompletableFuture<>();
    long id; // guarded by its stream, as sent
    boolean sent; // set before its bytes are handed over: from here on it may have been done
    volatile Future<?> timer;

    Pending(StreamCall call, int bytes, long deadline) {
        this.call = call;
        this.bytes = bytes;
        this.deadline = deadline;
    }
}
