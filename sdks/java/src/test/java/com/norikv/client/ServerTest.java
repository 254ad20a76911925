package com.norikv.client;

import static com.norikv.client.Bytes.utf8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.norikv.client.testing.EphemeralServer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Against the real server: what the conformance suite does not say. */
class ServerTest {
    private static EphemeralServer server;
    private static NoriKVClient kv;

    @BeforeAll
    static void start() {
        server = EphemeralServer.start();
        kv = server.connect();
    }

    @AfterAll
    static void stop() {
        kv.close();
        server.close();
    }

    @Test
    void futuresAreCompletedAwayFromTheNetwork() throws Exception {
        // A callback that blocks on another operation would stop the network's thread for good if it ran there.
        CompletableFuture<String> chained = kv.putAsync(utf8("chain"), utf8("x")).thenApply(put -> kv.get(utf8("chain")).text());
        assertEquals("x", chained.get(60, TimeUnit.SECONDS));
    }

    @Test
    void aCancelledOperationLeavesTheOthersAlone() throws Exception {
        List<CompletableFuture<PutResult>> writes = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            writes.add(kv.putAsync(utf8("cancel:" + i), utf8("x")));
        }
        for (int i = 0; i < 100; i += 2) {
            writes.get(i).cancel(true);
        }
        for (int i = 1; i < 100; i += 2) {
            assertTrue(writes.get(i).get(60, TimeUnit.SECONDS).version().isPresent());
        }
    }

    @Test
    void moreThanThePlacesWaitForOne() {
        try (NoriKVClient narrow = NoriKVClient.builder().addresses(server.address()).inFlightMax(3).build()) {
            CompletableFuture.allOf(IntStream.range(0, 50)
                .mapToObj(i -> narrow.putAsync(utf8("places:" + i), utf8("x"))).toArray(CompletableFuture[]::new)).join();
            assertEquals(50, narrow.count(o -> o.prefix(utf8("places:"))));
        }
    }

    @Test
    void batchesAnswerEachOperation() {
        List<OperationResult> results = kv.batch(List.of(
            Operation.put(utf8("batch:1"), utf8("1"), o -> o.ifNotExists()), Operation.get(utf8("batch:2")),
            Operation.delete(utf8("batch:3"))));
        assertInstanceOf(PutResult.class, results.get(0));
        assertFalse(assertInstanceOf(GetResult.class, results.get(1)).found());
        assertFalse(assertInstanceOf(DeleteResult.class, results.get(2)).tombstoned());
        OperationResult again = kv.batch(List.of(Operation.put(utf8("batch:1"), utf8("1"), o -> o.ifNotExists()))).get(0);
        assertInstanceOf(AlreadyExistsException.class, assertInstanceOf(FailedResult.class, again).error());
        assertThrows(InvalidArgumentException.class, () -> kv.batch(List.of(
            Operation.put(utf8("batch:1"), utf8("1"), o -> o.idempotencyKey("its own")))));
    }

    @Test
    void aScanCanBeLeftEarlyAndReadAsAStream() {
        for (int i = 0; i < 50; i++) {
            kv.put(utf8(String.format("early:%02d", i)), utf8("x".repeat(1000)));
        }
        try (Scan scan = kv.scan(o -> o.prefix(utf8("early:")))) {
            assertEquals("early:00", scan.next().keyText());
        }
        try (var pairs = kv.scan(o -> o.prefix(utf8("early:")).reverse()).stream()) {
            assertEquals("early:49", pairs.findFirst().orElseThrow().keyText());
        }
    }

    @Test
    void aSubscriberGetsNoMoreThanItAskedFor() throws Exception {
        for (int i = 0; i < 300; i++) {
            kv.putAsync(utf8(String.format("flow:%03d", i)), utf8("x"));
        }
        kv.put(utf8("flow:300"), utf8("x"));
        List<String> got = new ArrayList<>();
        CountDownLatch completed = new CountDownLatch(1);
        AtomicInteger asked = new AtomicInteger();
        AtomicInteger beyond = new AtomicInteger();
        for (long until = System.nanoTime() + 60_000_000_000L; kv.count(o -> o.prefix(utf8("flow:"))) < 301; ) {
            assertTrue(System.nanoTime() < until);
        }
        kv.scanAsync(o -> o.prefix(utf8("flow:"))).subscribe(new Flow.Subscriber<>() {
            private Flow.Subscription subscription;

            @Override
            public void onSubscribe(Flow.Subscription s) {
                subscription = s;
                asked.addAndGet(2);
                s.request(2);
            }

            @Override
            public void onNext(Pair pair) {
                got.add(pair.keyText());
                if (got.size() > asked.get()) {
                    beyond.incrementAndGet();
                }
                if (got.size() == asked.get()) {
                    asked.addAndGet(3);
                    subscription.request(3);
                }
            }

            @Override
            public void onError(Throwable error) {
                beyond.incrementAndGet();
                completed.countDown();
            }

            @Override
            public void onComplete() {
                completed.countDown();
            }
        });
        assertTrue(completed.await(60, TimeUnit.SECONDS));
        assertEquals(0, beyond.get());
        assertEquals(301, got.size());
        assertEquals(got.stream().sorted().toList(), got);
    }

    @Test
    void aScanWithoutALimitIsNoPage() {
        assertThrows(InvalidArgumentException.class, () -> kv.scanPage(o -> o.prefix(utf8("x"))));
    }
}
