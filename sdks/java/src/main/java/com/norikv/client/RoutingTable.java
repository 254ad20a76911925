package com.norikv.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/** Where to send a key, as one cluster view has it. Immutable. */
final class RoutingTable {
    final List<String> nodes;
    private final String[] leaders;
    private final boolean hashTags;

    RoutingTable(ClusterView view) {
        hashTags = view.hashTags();
        leaders = new String[view.totalShards()];
        Map<String, String> addresses = new HashMap<>();
        LinkedHashSet<String> listed = new LinkedHashSet<>();
        for (ClusterView.Node node : view.nodes()) {
            if (!node.role().equals("unknown") && Addresses.isAddress(node.address())) {
                addresses.put(node.id(), node.address());
                listed.add(node.address());
            }
        }
        for (ClusterView.Shard shard : view.shards()) {
            for (ClusterView.Replica replica : shard.replicas()) {
                if (replica.leader() && shard.id() >= 0 && shard.id() < leaders.length) {
                    leaders[shard.id()] = addresses.get(replica.nodeId());
                }
            }
        }
        nodes = List.copyOf(new ArrayList<>(listed));
    }

    /** Null where the view names none. */
    String leaderOf(byte[] key) {
        return leaders.length == 0 ? null : leaders[Hashing.shardOf(key, leaders.length, hashTags)];
    }
}
