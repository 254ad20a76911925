package com.norikv.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SessionPoolTest {
    @Test
    void aSequenceStaysWithinTheWindowOfTheOldestUnresolvedOne() {
        for (int seed = 0; seed < 3; seed++) {
            Random draw = new Random(seed);
            SessionPool pool = new SessionPool();
            List<SessionPool.Ticket> open = new ArrayList<>();
            for (int i = 0; i < 10_000; i++) {
                if (!open.isEmpty() && (open.size() > 500 || draw.nextBoolean())) {
                    // Mostly the newest, so that one old write stays unresolved for long.
                    open.remove(draw.nextInt(4) == 0 ? draw.nextInt(open.size()) : open.size() - 1).release();
                    continue;
                }
                SessionPool.Ticket ticket = pool.acquire();
                for (SessionPool.Ticket other : open) {
                    assertTrue(!session(other).equals(session(ticket)) || sequence(ticket) - sequence(other) < SessionPool.WINDOW,
                        "seed " + seed + ": " + ticket.key + " while " + other.key + " is unresolved");
                }
                open.add(ticket);
            }
        }
    }

    @Test
    void oneSlowWriteMovesTheOthersToAnotherSession() {
        SessionPool pool = new SessionPool();
        SessionPool.Ticket slow = pool.acquire();
        for (int i = 1; i < SessionPool.WINDOW; i++) {
            SessionPool.Ticket quick = pool.acquire();
            assertEquals(session(slow), session(quick));
            quick.release();
        }
        assertNotEquals(session(slow), session(pool.acquire()));
    }

    private static String session(SessionPool.Ticket ticket) {
        return ticket.key.split(":")[1];
    }

    private static long sequence(SessionPool.Ticket ticket) {
        return Long.parseLong(ticket.key.split(":")[2]);
    }
}
