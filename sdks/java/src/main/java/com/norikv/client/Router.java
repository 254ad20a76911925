package com.norikv.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Chooses the node of each attempt: a hint, else the key's leader, else the other nodes in turn. An address that could not be reached is
 * left out for two seconds, as long as there is another.
 */
final class Router {
    private static final long AVOID_NANOS = 2_000_000_000L;

    private final List<String> addresses;
    private final Map<String, Long> avoided = new HashMap<>(); // guarded by this, as all below
    private RoutingTable table;
    private int turn = -1;

    Router(List<String> addresses) {
        this.addresses = addresses;
    }

    synchronized void update(RoutingTable newer) {
        table = newer;
    }

    synchronized void unreachable(String address) {
        avoided.put(address, System.nanoTime());
    }

    synchronized void reached(String address) {
        if (!avoided.isEmpty()) {
            avoided.remove(address);
        }
    }

    /** The key empty: any node; the hint null: none. */
    synchronized String pick(byte[] key, int attempt, String hint) {
        if (hint != null && Addresses.isAddress(hint) && !avoids(hint)) {
            return hint;
        }
        // Every other attempt tries another node: the view may be older than the cluster.
        if (table != null && attempt % 2 == 0 && key.length > 0) {
            String leader = table.leaderOf(key);
            if (leader != null && !avoids(leader)) {
                return leader;
            }
        }
        List<String> candidates = candidates();
        turn = (turn + 1) % candidates.size();
        for (int i = 0; i < candidates.size(); i++) {
            String address = candidates.get((turn + i) % candidates.size());
            if (!avoids(address)) {
                return address;
            }
        }
        return candidates.get(turn);
    }

    /** True for an address that is configured or listed. */
    synchronized boolean knows(String address) {
        return candidates().contains(address);
    }

    private List<String> candidates() {
        if (table == null) {
            return addresses;
        }
        List<String> all = new ArrayList<>(table.nodes);
        for (String address : addresses) {
            if (!all.contains(address)) {
                all.add(address);
            }
        }
        return all;
    }

    private boolean avoids(String address) {
        Long since = avoided.get(address);
        return since != null && System.nanoTime() - since < AVOID_NANOS;
    }
}
