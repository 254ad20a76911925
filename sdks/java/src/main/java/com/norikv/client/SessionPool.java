package com.norikv.client;

import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/**
 * Gives each write its idempotency key {@code s1:<session>:<sequence>:<unix ms>}. The oldest unresolved sequence of a session stays within
 * the window of the newest, else a server could have forgotten its outcome. One slow write would hold back a session; then another
 * session is used.
 */
final class SessionPool {
    /** How many outcomes a server keeps of one session. */
    static final int WINDOW = 4096;

    private static final SecureRandom RANDOM = new SecureRandom();

    private final List<Session> sessions = new ArrayList<>(); // guarded by this, as all below and all of a session
    private Session current;

    /** A write that is under way. */
    final class Ticket {
        private final Session session;
        private final long sequence;
        final String key;

        private Ticket(Session session, long sequence) {
            this.session = session;
            this.sequence = sequence;
            this.key = "s1:" + session.name + ":" + sequence + ":" + System.currentTimeMillis();
        }

        void release() {
            synchronized (SessionPool.this) {
                session.unresolved.remove(sequence);
                while (session.oldest < session.next && !session.unresolved.contains(session.oldest)) {
                    session.oldest++;
                }
            }
        }
    }

    private static final class Session {
        final String name;
        final Set<Long> unresolved = new HashSet<>();
        long oldest = 1; // every sequence below is resolved
        long next = 1;

        Session(String name) {
            this.name = name;
        }

        boolean hasRoom() {
            return next - oldest < WINDOW;
        }
    }

    synchronized Ticket acquire() {
        if (current == null || !current.hasRoom()) {
            current = withRoom();
        }
        long sequence = current.next++;
        current.unresolved.add(sequence);
        return new Ticket(current, sequence);
    }

    private Session withRoom() {
        Session roomy = null;
        for (Session session : sessions) {
            if (session.next == session.oldest) {
                return session;
            }
            if (roomy == null && session.hasRoom()) {
                roomy = session;
            }
        }
        if (roomy != null) {
            return roomy;
        }
        // 128 random bits: two clients of one session would take each other's outcomes for their own.
        byte[] id = new byte[16];
        RANDOM.nextBytes(id);
        Session fresh = new Session(HexFormat.of().formatHex(id));
        sessions.add(fresh);
        return fresh;
    }
}
