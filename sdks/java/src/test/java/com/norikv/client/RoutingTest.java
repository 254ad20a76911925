package com.norikv.client;

import static com.norikv.client.Bytes.utf8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RoutingTest {
    private static final byte[] KEY = utf8("k");

    @Test
    void aKeyGoesToTheHintThenToItsLeaderAndNeverToWhoIsUnreachable() {
        List<String> ids = List.of("a", "b", "c");
        ClusterView view = new ClusterView(
            1, ids.stream().map(id -> new ClusterView.Node(id, id + ":1", "leader")).toList(),
            IntStream.range(0, 16).mapToObj(i -> new ClusterView.Shard(i, List.of(
                new ClusterView.Replica(ids.get(i % 3), true), new ClusterView.Replica(ids.get((i + 1) % 3), false)))).toList(),
            "c1", 16, false);
        Router router = new Router(List.of("seed:1"), null);
        assertEquals("seed:1", router.pick(KEY, 0, null));
        router.update(new RoutingTable(view));
        String leader = ids.get(Hashing.shardOf(KEY, 16, false) % 3) + ":1";
        assertEquals(leader, router.pick(KEY, 0, null));
        assertEquals("hint:9", router.pick(KEY, 0, "hint:9"));
        assertEquals(leader, router.pick(KEY, 0, "nonsense"));
        router.unreachable(leader);
        for (int i = 0; i < 8; i++) {
            assertNotEquals(leader, router.pick(KEY, i, leader));
        }
        router.reached(leader);
        assertEquals(leader, router.pick(KEY, 0, null));
        assertTrue(router.knows("seed:1") && router.knows("a:1"));
        assertFalse(router.knows("hint:9"));
    }

    @Test
    void aDeadNodeIsNotListed() {
        ClusterView view = new ClusterView(
            1, List.of(new ClusterView.Node("a", "a:1", "unknown"), new ClusterView.Node("b", "b:1", "follower")), List.of(), "c1", 0,
            false);
        assertEquals(List.of("b:1"), new RoutingTable(view).nodes);
    }

    @Test
    void waitsGrowToTheirBoundAndNeverUndercutTheServer() {
        Backoff backoff = new Backoff(RetryPolicy.DEFAULT, new SplittableRandom(1));
        for (int retry = 0; retry < 40; retry++) {
            long bound = Math.min(1_000_000_000L, 10_000_000L << Math.min(retry, 10));
            assertTrue(backoff.nextWait(retry, Duration.ZERO) <= bound, "retry " + retry);
            assertTrue(backoff.nextWait(retry, Duration.ofMillis(300)) >= 300_000_000L, "retry " + retry);
        }
    }

    @Test
    void anExhaustedBudgetMakesWaitsTheLongest() {
        RetryPolicy few = new RetryPolicy(1000, Duration.ofMillis(10), Duration.ofSeconds(1), 2, 3, 0.2);
        Backoff backoff = new Backoff(few, new SplittableRandom(1));
        long longest = IntStream.range(0, 50).mapToLong(i -> backoff.nextWait(0, Duration.ZERO)).max().orElse(0);
        assertTrue(longest > 10_000_000L, longest + " ns");
    }

    @Test
    void addressesAreHostAndPort() {
        assertTrue(Stream.of("a:1", "127.0.0.1:7447", "[::1]:65535").allMatch(Addresses::isAddress));
        assertFalse(Stream.of("", "a", "a:", ":1", "a:0", "a:65536", "a:+1", "::1:7", "http://a:1", "a b:1", "[]:1")
            .anyMatch(Addresses::isAddress));
    }

    @Test
    void aPlaceGoesToWhoWaitsLongestAndStillWaits() {
        Places places = new Places(1);
        assertTrue(places.enter().isDone());
        var first = places.enter();
        var second = places.enter();
        first.cancel(false);
        assertFalse(second.isDone());
        places.leave();
        assertTrue(second.isDone());
        places.leave();
        assertTrue(places.enter().isDone());
    }
}
