package com.norikv.client;

import java.util.List;

/**
 * What clients know of the cluster; a change makes a new one with a higher epoch.
 *
 * @param epoch rises with each change
 * @param nodes the members
 * @param shards the shards with their replicas
 * @param clusterId names the cluster
 * @param totalShards how many shards keys are spread over
 * @param hashTags whether only the part of a key between braces is hashed
 */
public record ClusterView(
        long epoch, List<Node> nodes, List<Shard> shards, String clusterId, int totalShards, boolean hashTags) {
    /**
     * A member of the cluster.
     *
     * @param id its id
     * @param address host:port of its gRPC
     * @param role {@code leader}, {@code follower} or {@code unknown}
     */
    public record Node(String id, String address, String role) {
    }

    /**
     * One copy of a shard.
     *
     * @param nodeId the node that holds it
     * @param leader whether it leads
     */
    public record Replica(String nodeId, boolean leader) {
    }

    /**
     * A shard with its replicas.
     *
     * @param id its number
     * @param replicas its copies
     */
    public record Shard(int id, List<Replica> replicas) {
    }
}
