package com.norikv.client;

import static com.norikv.client.Bytes.utf8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.norikv.client.testing.EphemeralServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Far more operations than places, and all that have one end in the same moment. */
class ManyAtOnceTest {
    private static final String NOBODY = "127.0.0.1:1";
    private static final int MANY = 5000;

    private static ClientBuilder builder(String address) {
        return NoriKVClient.builder().addresses(address).smartRouting(false).deadline(Duration.ofDays(1)).inFlightMax(16);
    }

    @Test
    void operationsThatFailAtOnceAllEnd() throws Exception {
        try (NoriKVClient kv = builder(NOBODY).build()) {
            List<CompletableFuture<PutResult>> puts = puts(kv);
            // From here on each fails before anything is sent, as soon as it has its place.
            kv.runner.router.foreign(NOBODY, NoriKVException.of(Code.FAILED_PRECONDITION, "CLUSTER_MISMATCH: another cluster"));
            for (CompletableFuture<PutResult> put : puts) {
                assertEquals(Code.FAILED_PRECONDITION, failure(put));
            }
            noneIsInFlight(kv);
        }
    }

    @Test
    void closingEndsAllThatWaitForAPlace() throws Exception {
        NoriKVClient kv = builder(NOBODY).build();
        List<CompletableFuture<PutResult>> puts = puts(kv);
        kv.close();
        for (CompletableFuture<PutResult> put : puts) {
            assertEquals(Code.CANCELLED, failure(put));
        }
        noneIsInFlight(kv);
    }

    @Test
    void closingEndsAllThatAreUnderWay() throws Exception {
        try (EphemeralServer server = EphemeralServer.start()) {
            NoriKVClient kv = builder(server.address()).inFlightMax(1024).build();
            List<CompletableFuture<PutResult>> puts = puts(kv);
            puts.get(0).get(60, TimeUnit.SECONDS); // the stream stands
            kv.close();
            for (CompletableFuture<PutResult> put : puts) {
                Code code = failure(put);
                assertTrue(code == null || code == Code.CANCELLED, () -> "a put ended with " + code);
            }
            noneIsInFlight(kv);
        }
    }

    @Test
    void anExecutorThatRefusesEndsTheFutureWhereItIs() {
        try (NoriKVClient kv = builder(NOBODY).executor(task -> {
            throw new RejectedExecutionException("it was shut down");
        }).build()) {
            CompletableFuture<PutResult> put = kv.putAsync(utf8("a"), utf8("b"), o -> o.deadline(Duration.ofMillis(50)));
            ExecutionException e = assertThrows(ExecutionException.class, () -> put.get(60, TimeUnit.SECONDS));
            assertEquals(Code.UNAVAILABLE, assertInstanceOf(NoriKVException.class, e.getCause()).code());
        }
    }

    private static List<CompletableFuture<PutResult>> puts(NoriKVClient kv) {
        List<CompletableFuture<PutResult>> puts = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            puts.add(kv.putAsync(utf8("many:" + i), utf8("x")));
        }
        return puts;
    }

    // Null where it succeeded.
    private static Code failure(CompletableFuture<?> future) throws Exception {
        try {
            future.get(60, TimeUnit.SECONDS);
            return null;
        } catch (ExecutionException e) {
            return assertInstanceOf(NoriKVException.class, e.getCause()).code();
        }
    }

    // A place is left in the moment its future ends, perhaps just after it.
    private static void noneIsInFlight(NoriKVClient kv) {
        for (long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); kv.inFlight() > 0 && System.nanoTime() < until; ) {
            Thread.yield();
        }
        assertEquals(0, kv.inFlight());
    }
}
