package com.norikv.client;

import static com.norikv.client.Bytes.utf8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class NobodyThereTest {
    private static final byte[] KEY = utf8("a");

    private static NoriKVClient client(Duration deadline) {
        return NoriKVClient.builder().addresses("127.0.0.1:1").deadline(deadline).build();
    }

    @Test
    void itIsSaidWithTheAddressAndTheStackOfTheCaller() {
        try (NoriKVClient kv = NoriKVClient.builder().addresses("127.0.0.1:1").deadline(Duration.ofMinutes(1)).retry(attempts(2)).build()) {
            UnavailableException e = assertThrows(UnavailableException.class, () -> kv.put(KEY, KEY));
            assertTrue(e.getMessage().contains("127.0.0.1:1"), e.getMessage());
            assertTrue(java.util.Arrays.stream(e.getStackTrace()).anyMatch(f -> f.getClassName().equals(getClass().getName())));
            assertThrows(UnavailableException.class, () -> kv.count(o -> { }));
            assertThrows(UnavailableException.class, kv::isServing);
        }
        try (NoriKVClient kv = client(Duration.ofMillis(300))) {
            assertThrows(UnavailableException.class, kv::clusterView);
        }
    }

    @Test
    void aScanThatIsForgottenIsClosedWhenItIsCollected() throws InterruptedException {
        try (NoriKVClient kv = client(Duration.ofMinutes(1))) {
            PageReader pages = new PageReader(kv.runner, com.norikv.proto.v1.ScanRequest.getDefaultInstance(), null);
            new Scan(pages).stream();
            long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!pages.isOver() && System.nanoTime() < patience) {
                System.gc();
                Thread.sleep(5);
            }
            assertTrue(pages.isOver());
        }
    }

    // By number, not by time: on a busy machine a short deadline may pass before the first refusal comes.
    private static RetryPolicy attempts(int most) {
        RetryPolicy r = RetryPolicy.DEFAULT;
        return new RetryPolicy(most, r.backoffInitial(), r.backoffMax(), r.backoffFactor(), r.budgetMax(), r.budgetPerSuccess());
    }

    @Test
    void noAttemptBeginsPastTheDeadline() {
        try (NoriKVClient kv = NoriKVClient.builder().addresses("127.0.0.1:1").smartRouting(false).build()) {
            long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(200);
            AtomicInteger tried = new AtomicInteger();
            CompletableFuture<Object> put = kv.runner.attempts(KEY, true, deadline, (node, perhapsDone) -> {
                tried.incrementAndGet();
                kv.runner.threads.writer.execute(() -> { // the machine is busy: what wakes up does so late
                    while (System.nanoTime() <= deadline) {
                        Thread.onSpinWait();
                    }
                });
                return CompletableFuture.failedFuture(RpcFailure.notReached("refused"));
            });
            assertThrows(UnavailableException.class, () -> Futures.await(put));
            assertEquals(1, tried.get());
        }
    }

    @Test
    void aWriteWhoseStreamBrokeByInternalIsTriedAgainAndNeverCalledNotDone() {
        try (NoriKVClient kv = NoriKVClient.builder().addresses("127.0.0.1:1").smartRouting(false).retry(attempts(3)).build()) {
            AtomicInteger tried = new AtomicInteger();
            CompletableFuture<Object> put = kv.runner.attempts(KEY, true, System.nanoTime() + TimeUnit.MINUTES.toNanos(1), (node, perhapsDone) -> {
                tried.incrementAndGet();
                return CompletableFuture.failedFuture(new RpcFailure(NoriKVException.of(Code.INTERNAL, "a reset"), true, false));
            });
            assertThrows(OutcomeUnknownException.class, () -> Futures.await(put));
            assertEquals(3, tried.get());
        }
    }

    @Test
    void aDeadlineOfTheOperationReplacesTheClients() {
        try (NoriKVClient kv = client(Duration.ofDays(1))) {
            assertThrows(UnavailableException.class, () -> kv.get(KEY, o -> o.deadline(Duration.ofMillis(200))));
        }
    }

    @Test
    void mistakesAreRefusedBeforeAnythingIsSent() {
        try (NoriKVClient kv = client(Duration.ofDays(1))) {
            refused(() -> kv.get(KEY, o -> o.deadline(Duration.ZERO)));
            refused(() -> kv.put(KEY, KEY, o -> o.deadline(Duration.ofMillis(-1))));
            refused(() -> kv.put(KEY, KEY, o -> o.ttl(Duration.ZERO)));
            refused(() -> kv.put(KEY, KEY, o -> o.ttl(Duration.ofSeconds(-1))));
            refused(() -> kv.put(KEY, KEY, o -> o.ttl(Duration.ofSeconds(Long.MAX_VALUE))));
            refused(() -> kv.get(KEY, o -> o.maxStaleness(Duration.ofSeconds(-1))));
            refused(() -> kv.scanPage(o -> o.limit(-1)));
            refused(() -> kv.scan(o -> o.limit(-1)).close());
            refused(() -> kv.put(utf8("a\ud800"), KEY));
            refused(() -> kv.put(KEY, KEY, o -> o.idempotencyKey("a\udc00")));
        }
        for (String address : new String[] {"foo", "a:b", "a:70000", ":1", "a:0"}) {
            refused(() -> NoriKVClient.builder().addresses(address).build());
        }
        refused(() -> NoriKVClient.builder().deadline(Duration.ZERO).build());
        assertArrayEquals(new byte[] {(byte) 0xF0, (byte) 0x9F, (byte) 0x98, (byte) 0x80}, utf8("\ud83d\ude00"));
    }

    private static void refused(Executable mistake) {
        assertThrows(InvalidArgumentException.class, mistake);
    }

    @Test
    void anUnknownNameEndsAtTheDeadlineAndIsNotAskedForWithoutEnd() {
        for (boolean smart : new boolean[] {true, false}) {
            try (NoriKVClient kv = NoriKVClient.builder().addresses("nonexistent.invalid:7447").smartRouting(smart)
                    .deadline(Duration.ofSeconds(1)).build()) {
                for (int i = 0; i < 2; i++) { // the second finds a channel that already knows
                    UnavailableException e = assertThrows(
                        UnavailableException.class, () -> Futures.await(kv.putAsync(KEY, KEY).orTimeout(60, TimeUnit.SECONDS)));
                    Matcher attempts = Pattern.compile("after (\\d+) attempts?").matcher(e.getMessage());
                    assertTrue(attempts.find() && Integer.parseInt(attempts.group(1)) < 100, e.getMessage());
                }
                assertThrows(
                    UnavailableException.class, () -> Futures.await(kv.getAsync(KEY).orTimeout(60, TimeUnit.SECONDS)));
            }
        }
    }

    @Test
    void closingEndsWhatWaits() throws Exception {
        NoriKVClient kv = NoriKVClient.builder().addresses("127.0.0.1:1").deadline(Duration.ofDays(1)).inFlightMax(1).build();
        CompletableFuture<?>[] waiting = {
            kv.putAsync(KEY, KEY), kv.getAsync(KEY), kv.countAsync(o -> { }), kv.clusterViewAsync(),
            kv.watchCluster(view -> { }).ended()
        };
        kv.close();
        for (CompletableFuture<?> one : waiting) {
            ExecutionException e = assertThrows(ExecutionException.class, () -> one.get(60, TimeUnit.SECONDS));
            assertEquals(Code.CANCELLED, assertInstanceOf(NoriKVException.class, e.getCause()).code());
        }
        assertEquals(Code.CANCELLED, assertThrows(NoriKVException.class, () -> kv.get(KEY)).code());
    }

    @Test
    void aScanThatFailedNeverLooksComplete() {
        try (NoriKVClient kv = NoriKVClient.builder().addresses("127.0.0.1:1").retry(attempts(2)).build(); Scan scan = kv.scan(o -> { })) {
            for (int i = 0; i < 3; i++) {
                assertThrows(UnavailableException.class, scan::hasNext);
                assertThrows(UnavailableException.class, scan::next);
            }
        }
    }

    @Test
    void whatIsNullIsNamed() {
        try (NoriKVClient kv = client(Duration.ofDays(1))) {
            assertEquals("the key is null", assertThrows(NullPointerException.class, () -> kv.put(null, KEY)).getMessage());
            assertEquals("the value is null", assertThrows(NullPointerException.class, () -> kv.put(KEY, null)).getMessage());
            assertEquals("the key is null", assertThrows(NullPointerException.class, () -> kv.get(null)).getMessage());
            assertEquals("the key is null", assertThrows(NullPointerException.class, () -> kv.delete(null)).getMessage());
            assertThrows(NullPointerException.class, () -> kv.compareAndSet(KEY, KEY, null));
        }
    }

    @Test
    void aPlaceIsWaitedForUntilTheDeadline() {
        try (NoriKVClient kv = NoriKVClient.builder().addresses("127.0.0.1:1").deadline(Duration.ofDays(1)).inFlightMax(1).build()) {
            CompletableFuture<?> first = kv.getAsync(KEY);
            DeadlineExceededException e = assertThrows(
                DeadlineExceededException.class, () -> kv.get(KEY, o -> o.deadline(Duration.ofMillis(100))));
            assertTrue(e.getMessage().contains("not tried"));
            first.cancel(true);
            assertThrows(UnavailableException.class, () -> kv.get(KEY, o -> o.deadline(Duration.ofMillis(100))));
        }
    }

    @Test
    void aThreadThatIsInterruptedGivesItsOperationUp() throws InterruptedException {
        try (NoriKVClient kv = NoriKVClient.builder().addresses("127.0.0.1:1").deadline(Duration.ofDays(1)).inFlightMax(1).build()) {
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            Thread thread = new Thread(() -> {
                try {
                    kv.get(KEY);
                } catch (CancellationException e) {
                    thrown.set(Thread.currentThread().isInterrupted() ? e : null);
                }
            });
            thread.start();
            thread.interrupt();
            thread.join(60_000);
            assertInstanceOf(CancellationException.class, thrown.get());
            // Its place is free again.
            assertThrows(UnavailableException.class, () -> kv.get(KEY, o -> o.deadline(Duration.ofMillis(100))));
        }
    }
}
