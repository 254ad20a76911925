package com.norikv.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Chooses the node of each attempt: a hint, else the key's leader, else the other nodes in turn. An address that could not be reached is
 * left out for two seconds, as long as there is another; one where another cluster answers is never used.
 */
final class Router {
    private static final long REFUSED_NANOS = 2_000_000_000L;
    // A node that stands still is found out by waiting, so it is left alone longer than one that refuses at once.
    private static final long SILENT_NANOS = 6_000_000_000L;
    private static final String MISMATCH = "CLUSTER_MISMATCH";

    private final List<String> addresses;
    private final Map<String, Long> avoided = new HashMap<>(); // until then; guarded by this, as all below
    private final Map<String, NoriKVException> foreign = new HashMap<>();
    private String clusterId; // of the options, else of the first view
    private RoutingTable table;
    private int turn = -1;

    Router(List<String> addresses, String clusterId) {
        this.addresses = addresses;
        this.clusterId = clusterId;
    }

    synchronized void update(RoutingTable newer) {
        table = newer;
        // Our own cluster lists them as alive: an address may have come back. A request says which cluster it is for.
        foreign.keySet().removeAll(newer.nodes);
    }

    /** This client's cluster; null while none is known. */
    synchronized String clusterId() {
        return clusterId;
    }

    /** True for this client's cluster; the first one named becomes it. */
    synchronized boolean accepts(String id, String address) {
        if (id.isEmpty()) {
            return true;
        }
        if (clusterId == null) {
            clusterId = id;
        }
        if (id.equals(clusterId)) {
            return true;
        }
        foreign.put(address, NoriKVException.of(Code.FAILED_PRECONDITION, MISMATCH + ": the node at " + address + " is of cluster " + id
            + ", this client talks to cluster " + clusterId + "; nothing is sent there. If that is meant, make a new client"));
        return false;
    }

    /** True where a node of another cluster answered. */
    static boolean isForeign(NoriKVException e) {
        return e.code() == Code.FAILED_PRECONDITION && e.said().contains(MISMATCH);
    }

    synchronized void foreign(String address, NoriKVException why) {
        foreign.put(address, why);
    }

    /** Why nothing may be sent to an address that was picked because there is no other; null where it may. */
    synchronized NoriKVException refusal(String address) {
        return foreign.get(address);
    }

    synchronized void throwIfForeign(String address) {
        NoriKVException why = refusal(address);
        if (why != null) {
            throw why;
        }
    }

    synchronized void unreachable(String address) {
        avoided.put(address, System.nanoTime() + REFUSED_NANOS);
    }

    synchronized void silent(String address) {
        avoided.put(address, System.nanoTime() + SILENT_NANOS);
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
        for (int i = 0; i < candidates.size(); i++) {
            String address = candidates.get((turn + i) % candidates.size());
            if (!foreign.containsKey(address)) {
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
        Long until = avoided.get(address);
        return foreign.containsKey(address) || (until != null && System.nanoTime() - until < 0);
    }
}
