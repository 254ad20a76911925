package com.norikv.client;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;

/** Builds a {@link NoriKVClient}. */
public final class ClientBuilder {
    private List<String> addresses;
    private Duration deadline = Duration.ofSeconds(10);
    private RetryPolicy retry = RetryPolicy.DEFAULT;
    private TlsOptions tls;
    private String clusterId;
    private Duration silenceMax = Duration.ofMillis(1500);
    private boolean smartRouting = true;
    private int inFlightMax = 1024;
    private int messageBytesMax = 256 << 10;
    private int inboundMessageBytesMax = 64 << 20;
    private Duration keepAlive = Duration.ofSeconds(20);
    private Duration connectTimeout = Duration.ofSeconds(3);
    private int nodesMax = 256;
    private Executor executor = ForkJoinPool.commonPool();

    ClientBuilder() {
        String named = System.getenv("NORIKV_ADDR");
        addresses = List.of(named == null || named.isEmpty() ? new String[] {"localhost:7447"} : named.split(","));
    }

    /**
     * One or more nodes; the others are learned. Without it those of the environment's {@code NORIKV_ADDR}, else localhost:7447.
     *
     * @param addresses each host:port
     * @return this
     */
    public ClientBuilder addresses(String... addresses) {
        this.addresses = List.of(addresses);
        return this;
    }

    /**
     * How long one operation may take, retries included; 10 s without it.
     *
     * @param deadline positive
     * @return this
     */
    public ClientBuilder deadline(Duration deadline) {
        this.deadline = Objects.requireNonNull(deadline);
        return this;
    }

    /**
     * Replaces {@link RetryPolicy#DEFAULT}.
     *
     * @param retry the policy
     * @return this
     */
    public ClientBuilder retry(RetryPolicy retry) {
        this.retry = Objects.requireNonNull(retry);
        return this;
    }

    /**
     * Speaks TLS to the nodes.
     *
     * @param tls how
     * @return this
     */
    public ClientBuilder tls(TlsOptions tls) {
        this.tls = Objects.requireNonNull(tls);
        return this;
    }

    /**
     * The cluster to talk to; without it that is the one seen first. A node of another one is sent nothing.
     *
     * @param id as a {@link ClusterView} has it
     * @return this
     */
    public ClientBuilder clusterId(String id) {
        this.clusterId = Objects.requireNonNull(id);
        return this;
    }

    /**
     * How long a node may say nothing while calls wait before it is asked for its health; without an answer in the same time again its
     * calls go elsewhere. 1.5 s without it.
     *
     * @param silence at least 100 ms
     * @return this
     */
    public ClientBuilder silenceMax(Duration silence) {
        this.silenceMax = Objects.requireNonNull(silence);
        return this;
    }

    /**
     * Whether each key is sent to its leader by the watched cluster view; true without it.
     *
     * @param on whether
     * @return this
     */
    public ClientBuilder smartRouting(boolean on) {
        this.smartRouting = on;
        return this;
    }

    /**
     * Bounds the operations in flight; more wait for a place. 1,024 without it.
     *
     * @param operations at least 1
     * @return this
     */
    public ClientBuilder inFlightMax(int operations) {
        this.inFlightMax = operations;
        return this;
    }

    /**
     * Bounds the bytes of operations that are gathered into one message; 256 KiB without it.
     *
     * @param bytes 1 KiB to 2 MiB
     * @return this
     */
    public ClientBuilder messageBytesMax(int bytes) {
        this.messageBytesMax = bytes;
        return this;
    }

    /**
     * Bounds the bytes of one message from a node; 64 MiB without it.
     *
     * @param bytes at least 4 MiB
     * @return this
     */
    public ClientBuilder inboundMessageBytesMax(int bytes) {
        this.inboundMessageBytesMax = bytes;
        return this;
    }

    /**
     * How often an idle connection is pinged; every 20 s without it.
     *
     * @param every at least 1 s; grpc-java pings no oftener than every 10 s
     * @return this
     */
    public ClientBuilder keepAlive(Duration every) {
        this.keepAlive = Objects.requireNonNull(every);
        return this;
    }

    /**
     * How long to wait for a connection; 3 s without it.
     *
     * @param timeout positive
     * @return this
     */
    public ClientBuilder connectTimeout(Duration timeout) {
        this.connectTimeout = Objects.requireNonNull(timeout);
        return this;
    }

    /**
     * Nodes that no view lists any more are let go once there are more than this; 256 without it.
     *
     * @param nodes at least 1
     * @return this
     */
    public ClientBuilder nodesMax(int nodes) {
        this.nodesMax = nodes;
        return this;
    }

    /**
     * Where what callers hang on futures, watches and publishers runs; the common pool without it.
     *
     * @param executor the executor
     * @return this
     */
    public ClientBuilder executor(Executor executor) {
        this.executor = Objects.requireNonNull(executor);
        return this;
    }

    /**
     * Makes the client; connections are made when first needed.
     *
     * @return the client
     * @throws InvalidArgumentException naming everything that is wrong
     */
    public NoriKVClient build() {
        return new NoriKVClient(new ClientOptions(
            addresses, deadline, retry, tls, clusterId, silenceMax, smartRouting, inFlightMax, messageBytesMax, inboundMessageBytesMax,
            keepAlive, connectTimeout, nodesMax, executor));
    }
}
