package com.norikv.client;

import com.norikv.proto.v1.ScanRequest;
import com.norikv.proto.v1.ScanResponse;
import com.norikv.proto.v1.StreamCall;
import com.norikv.proto.v1.StreamRequest;
import com.norikv.proto.v1.StreamResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Keys and values over the network. Thread-safe: make one and share it. Keys and values are not copied: leave them unchanged until the
 * operation is over.
 *
 * <p>Every operation has a blocking form and one whose name ends with {@code Async}. A future that is cancelled gives its operation up;
 * a thread that is interrupted while it waits does so too and gets a {@link java.util.concurrent.CancellationException}. Failures are
 * {@link NoriKVException}s: thrown, or what a future fails with.
 */
public final class NoriKVClient implements AutoCloseable {
    private static final byte[] NO_KEY = {};

    private final ClientOptions options;
    final Runner runner;
    private final SessionPool sessions = new SessionPool();
    private final Places places;

    NoriKVClient(ClientOptions options) {
        this.options = options;
        this.runner = new Runner(options);
        this.places = new Places(options.inFlightMax());
    }

    /**
     * Begins a client.
     *
     * @return its builder
     */
    public static ClientBuilder builder() {
        return new ClientBuilder();
    }

    /**
     * A client of these nodes with default options.
     *
     * @param addresses one or more, each host:port; none: those of the environment's {@code NORIKV_ADDR}, else localhost:7447
     * @return the client; connections are made when first needed
     * @throws InvalidArgumentException naming an address that is none
     */
    public static NoriKVClient connect(String... addresses) {
        return addresses.length == 0 ? builder().build() : builder().addresses(addresses).build();
    }

    /**
     * Writes a pair; returns once it is durable. Overwriting removes the key's TTL.
     *
     * @param key the key
     * @param value the value
     * @return the version that it wrote
     */
    public PutResult put(byte[] key, byte[] value) {
        return Futures.await(startPut(key, value, o -> { }));
    }

    /**
     * Writes a pair; returns once it is durable. Overwriting without a TTL removes the key's TTL.
     *
     * @param key the key
     * @param value the value
     * @param options sets the options, such as {@code o -> o.ttl(Duration.ofHours(1))}
     * @return the version that it wrote
     */
    public PutResult put(byte[] key, byte[] value, Consumer<PutOptions> options) {
        return Futures.await(startPut(key, value, options));
    }

    /**
     * As {@link #put(byte[], byte[])}.
     *
     * @param key the key
     * @param value the value
     * @return the version that it wrote
     */
    public CompletableFuture<PutResult> putAsync(byte[] key, byte[] value) {
        return handOver(startPut(key, value, o -> { }));
    }

    /**
     * As {@link #put(byte[], byte[], Consumer)}.
     *
     * @param key the key
     * @param value the value
     * @param options sets the options
     * @return the version that it wrote
     */
    public CompletableFuture<PutResult> putAsync(byte[] key, byte[] value, Consumer<PutOptions> options) {
        return handOver(startPut(key, value, options));
    }

    /**
     * Writes only over the expected version.
     *
     * @param key the key
     * @param value the value
     * @param expected the version; {@link Version#NONE} expects the key to be missing
     * @return the version that it wrote
     * @throws VersionMismatchException when the key has another version or is missing
     * @throws AlreadyExistsException when it was expected to be missing and is not
     */
    public PutResult compareAndSet(byte[] key, byte[] value, Version expected) {
        return compareAndSet(key, value, expected, o -> { });
    }

    /**
     * Writes only over the expected version.
     *
     * @param key the key
     * @param value the value
     * @param expected the version; {@link Version#NONE} expects the key to be missing
     * @param options sets a TTL, an idempotency key or a deadline; conditions are replaced
     * @return the version that it wrote
     * @throws VersionMismatchException when the key has another version or is missing
     * @throws AlreadyExistsException when it was expected to be missing and is not
     */
    public PutResult compareAndSet(byte[] key, byte[] value, Version expected, Consumer<PutOptions> options) {
        return Futures.await(startPut(key, value, options.andThen(expecting(expected))));
    }

    /**
     * As {@link #compareAndSet(byte[], byte[], Version)}.
     *
     * @param key the key
     * @param value the value
     * @param expected the version
     * @return the version that it wrote
     */
    public CompletableFuture<PutResult> compareAndSetAsync(byte[] key, byte[] value, Version expected) {
        return compareAndSetAsync(key, value, expected, o -> { });
    }

    /**
     * As {@link #compareAndSet(byte[], byte[], Version, Consumer)}.
     *
     * @param key the key
     * @param value the value
     * @param expected the version
     * @param options sets the options
     * @return the version that it wrote
     */
    public CompletableFuture<PutResult> compareAndSetAsync(
            byte[] key, byte[] value, Version expected, Consumer<PutOptions> options) {
        return handOver(startPut(key, value, options.andThen(expecting(expected))));
    }

    /**
     * Reads a key; a missing one is a result.
     *
     * @param key the key
     * @return its value and version
     */
    public GetResult get(byte[] key) {
        return Futures.await(startGet(key, o -> { }));
    }

    /**
     * Reads a key; a missing one is a result.
     *
     * @param key the key
     * @param options sets the options
     * @return its value and version
     */
    public GetResult get(byte[] key, Consumer<GetOptions> options) {
        return Futures.await(startGet(key, options));
    }

    /**
     * As {@link #get(byte[])}.
     *
     * @param key the key
     * @return its value and version
     */
    public CompletableFuture<GetResult> getAsync(byte[] key) {
        return handOver(startGet(key, o -> { }));
    }

    /**
     * As {@link #get(byte[], Consumer)}.
     *
     * @param key the key
     * @param options sets the options
     * @return its value and version
     */
    public CompletableFuture<GetResult> getAsync(byte[] key, Consumer<GetOptions> options) {
        return handOver(startGet(key, options));
    }

    /**
     * Reads a key that must exist.
     *
     * @param key the key
     * @return its value and version
     * @throws NotFoundException when it does not
     */
    public GetResult getRequired(byte[] key) {
        return Futures.await(required(key, startGet(key, o -> { })));
    }

    /**
     * Reads a key that must exist.
     *
     * @param key the key
     * @param options sets the options
     * @return its value and version
     * @throws NotFoundException when it does not
     */
    public GetResult getRequired(byte[] key, Consumer<GetOptions> options) {
        return Futures.await(required(key, startGet(key, options)));
    }

    /**
     * As {@link #getRequired(byte[])}.
     *
     * @param key the key
     * @return its value and version
     */
    public CompletableFuture<GetResult> getRequiredAsync(byte[] key) {
        return handOver(required(key, startGet(key, o -> { })));
    }

    /**
     * Removes a key; a missing one is no error.
     *
     * @param key the key
     * @return whether it existed
     */
    public DeleteResult delete(byte[] key) {
        return Futures.await(startDelete(key, o -> { }));
    }

    /**
     * Removes a key; a missing one is no error.
     *
     * @param key the key
     * @param options sets the options
     * @return whether it existed
     */
    public DeleteResult delete(byte[] key, Consumer<DeleteOptions> options) {
        return Futures.await(startDelete(key, options));
    }

    /**
     * As {@link #delete(byte[])}.
     *
     * @param key the key
     * @return whether it existed
     */
    public CompletableFuture<DeleteResult> deleteAsync(byte[] key) {
        return handOver(startDelete(key, o -> { }));
    }

    /**
     * As {@link #delete(byte[], Consumer)}.
     *
     * @param key the key
     * @param options sets the options
     * @return whether it existed
     */
    public CompletableFuture<DeleteResult> deleteAsync(byte[] key, Consumer<DeleteOptions> options) {
        return handOver(startDelete(key, options));
    }

    /**
     * Runs many operations, atomic per shard.
     *
     * @param operations what to do
     * @return a result or an error for each, in their order
     */
    public List<OperationResult> batch(List<? extends Operation> operations) {
        return Futures.await(startBatch(operations, o -> { }));
    }

    /**
     * Runs many operations, atomic per shard.
     *
     * @param operations what to do
     * @param options sets the options
     * @return a result or an error for each, in their order
     */
    public List<OperationResult> batch(List<? extends Operation> operations, Consumer<BatchOptions> options) {
        return Futures.await(startBatch(operations, options));
    }

    /**
     * As {@link #batch(List)}.
     *
     * @param operations what to do
     * @return a result or an error for each, in their order
     */
    public CompletableFuture<List<OperationResult>> batchAsync(List<? extends Operation> operations) {
        return handOver(startBatch(operations, o -> { }));
    }

    /**
     * As {@link #batch(List, Consumer)}.
     *
     * @param operations what to do
     * @param options sets the options
     * @return a result or an error for each, in their order
     */
    public CompletableFuture<List<OperationResult>> batchAsync(
            List<? extends Operation> operations, Consumer<BatchOptions> options) {
        return handOver(startBatch(operations, options));
    }

    /**
     * The pairs of a prefix, a range, or all, in key order; it resumes by itself when a connection breaks.
     *
     * <pre>{@code
     * try (Scan scan = client.scan(o -> o.prefix(utf8("user:")))) {
     *     for (Pair pair : scan) use(pair);
     * }
     * }</pre>
     *
     * @param options says which
     * @return the pairs
     */
    public Scan scan(Consumer<ScanOptions> options) {
        ScanOptions chosen = chosen(options);
        return new Scan(new PageReader(runner, Wire.scan(chosen), chosen.deadline));
    }

    /**
     * A scan as a publisher; each subscriber gets a scan of its own, read as far as it asks for.
     *
     * @param options says which pairs
     * @return the pairs
     */
    public Flow.Publisher<Pair> scanAsync(Consumer<ScanOptions> options) {
        ScanOptions chosen = chosen(options);
        return new PairPublisher(runner, Wire.scan(chosen), chosen.deadline);
    }

    /**
     * One page and the token that goes on behind it, for callers that keep their place themselves.
     *
     * @param options says which pairs; a limit is needed
     * @return at most that many pairs
     */
    public Page scanPage(Consumer<ScanOptions> options) {
        return Futures.await(startPage(options));
    }

    /**
     * As {@link #scanPage}.
     *
     * @param options says which pairs; a limit is needed
     * @return at most that many pairs
     */
    public CompletableFuture<Page> scanPageAsync(Consumer<ScanOptions> options) {
        return handOver(startPage(options));
    }

    /**
     * How many pairs a scan would give.
     *
     * @param options says which pairs
     * @return their number
     */
    public long count(Consumer<ScanOptions> options) {
        return Futures.await(startCount(options));
    }

    /**
     * As {@link #count}.
     *
     * @param options says which pairs
     * @return their number
     */
    public CompletableFuture<Long> countAsync(Consumer<ScanOptions> options) {
        return handOver(startCount(options));
    }

    /**
     * The newest view of the cluster.
     *
     * @return the view
     */
    public ClusterView clusterView() {
        return Futures.await(startView(null));
    }

    /**
     * The newest view of the cluster.
     *
     * @param deadline replaces the client's
     * @return the view
     */
    public ClusterView clusterView(Duration deadline) {
        return Futures.await(startView(deadline));
    }

    /**
     * As {@link #clusterView()}.
     *
     * @return the view
     */
    public CompletableFuture<ClusterView> clusterViewAsync() {
        return handOver(startView(null));
    }

    /**
     * As {@link #clusterView(Duration)}.
     *
     * @param deadline replaces the client's
     * @return the view
     */
    public CompletableFuture<ClusterView> clusterViewAsync(Duration deadline) {
        return handOver(startView(deadline));
    }

    /**
     * Gives the current view, then each newer one; to a slow taker only the newest. It goes on by itself when its node is gone.
     *
     * @param taker gets the views, one at a time, on the client's executor
     * @return the watch, to be closed
     */
    public ClusterWatch watchCluster(Consumer<ClusterView> taker) {
        LatestView latest = new LatestView(options.executor(), Objects.requireNonNull(taker));
        ViewWatch watch = new ViewWatch(runner, true, view -> {
            latest.offer(view);
            return true;
        });
        watch.start();
        return new ClusterWatch(watch, handOver(watch.done));
    }

    /**
     * Whether the node that is asked says by the standard health service that it serves.
     *
     * @return true when it serves
     */
    public boolean isServing() {
        return Futures.await(startServing(null));
    }

    /**
     * Whether the node that is asked says by the standard health service that it serves.
     *
     * @param deadline replaces the client's
     * @return true when it serves
     */
    public boolean isServing(Duration deadline) {
        return Futures.await(startServing(deadline));
    }

    /**
     * As {@link #isServing()}.
     *
     * @return true when it serves
     */
    public CompletableFuture<Boolean> isServingAsync() {
        return handOver(startServing(null));
    }

    /**
     * As {@link #isServing(Duration)}.
     *
     * @param deadline replaces the client's
     * @return true when it serves
     */
    public CompletableFuture<Boolean> isServingAsync(Duration deadline) {
        return handOver(startServing(deadline));
    }

    /**
     * Operations in flight.
     *
     * @return how many
     */
    public int inFlight() {
        return places.inUse();
    }

    /** Closes the connections; operations in flight fail, those of writes with an unknown outcome. */
    @Override
    public void close() {
        runner.close();
    }

    private CompletableFuture<PutResult> startPut(byte[] key, byte[] value, Consumer<PutOptions> options) {
        Objects.requireNonNull(key, "the key is null");
        Objects.requireNonNull(value, "the value is null");
        PutOptions chosen = new PutOptions();
        options.accept(chosen);
        return Futures.map(
            write(key, chosen.idempotencyKey, chosen.deadline,
                id -> StreamCall.newBuilder().setPut(Wire.put(key, value, chosen, id)).build()),
            result -> Wire.result(result.getPut()));
    }

    private CompletableFuture<GetResult> startGet(byte[] key, Consumer<GetOptions> options) {
        Objects.requireNonNull(key, "the key is null");
        GetOptions chosen = new GetOptions();
        options.accept(chosen);
        StreamCall call = StreamCall.newBuilder().setGet(Wire.get(key, chosen)).build();
        return Futures.map(read(key, chosen.deadline, call), result -> Wire.result(result.getGet()));
    }

    private CompletableFuture<DeleteResult> startDelete(byte[] key, Consumer<DeleteOptions> options) {
        Objects.requireNonNull(key, "the key is null");
        DeleteOptions chosen = new DeleteOptions();
        options.accept(chosen);
        return Futures.map(
            write(key, chosen.idempotencyKey, chosen.deadline,
                id -> StreamCall.newBuilder().setDelete(Wire.delete(key, chosen, id)).build()),
            result -> Wire.result(result.getDelete()));
    }

    private CompletableFuture<List<OperationResult>> startBatch(
            List<? extends Operation> operations, Consumer<BatchOptions> options) {
        BatchOptions chosen = new BatchOptions();
        options.accept(chosen);
        List<Operation> all = new ArrayList<>(operations);
        byte[] key = all.isEmpty() ? NO_KEY : all.get(0).key();
        Function<String, StreamCall> call = id -> StreamCall.newBuilder().setBatch(Wire.batch(all, chosen, id)).build();
        boolean reads = all.stream().allMatch(operation -> operation instanceof Operation.Get);
        return Futures.map(
            reads ? read(key, chosen.deadline, call.apply("")) : write(key, chosen.idempotencyKey, chosen.deadline, call),
            result -> Wire.results(result.getBatch(), all.size()));
    }

    private CompletableFuture<StreamResult> write(
            byte[] key, String idempotencyKey, Duration deadline, Function<String, StreamCall> call) {
        if (idempotencyKey != null && !idempotencyKey.isEmpty()) {
            Bytes.utf8(idempotencyKey); // refuses what no UTF-8 can say
            return inPlace(key, true, runner.deadline(deadline), call.apply(idempotencyKey));
        }
        long until = runner.deadline(deadline);
        return inPlace(until, () -> {
            SessionPool.Ticket ticket = sessions.acquire();
            CompletableFuture<StreamResult> result;
            try {
                result = runner.run(call.apply(ticket.key), key, true, until);
            } catch (RuntimeException e) {
                ticket.release();
                throw e;
            }
            result.whenComplete((value, error) -> ticket.release());
            return Futures.map(result, answer -> {
                if (Wire.isAnswerToAnother(answer)) {
                    throw NoriKVException.of(
                        Code.INTERNAL, "the node answered another write of the session in " + ticket.key + ": this one was not done");
                }
                return answer;
            });
        });
    }

    private CompletableFuture<StreamResult> read(byte[] key, Duration deadline, StreamCall call) {
        return inPlace(key, false, runner.deadline(deadline), call);
    }

    private CompletableFuture<StreamResult> inPlace(byte[] key, boolean writes, long until, StreamCall call) {
        return inPlace(until, () -> runner.run(call, key, writes, until));
    }

    private CompletableFuture<StreamResult> inPlace(
            long until, java.util.function.Supplier<CompletableFuture<StreamResult>> operation) {
        CompletableFuture<StreamResult> result = new CompletableFuture<>();
        if (runner.isClosed()) {
            return CompletableFuture.failedFuture(Runner.closedError());
        }
        CompletableFuture<Void> place = places.enter();
        if (!place.isDone()) {
            runner.waitsForPlace(place, until, () -> NoriKVException.of(
                Code.DEADLINE_EXCEEDED,
                "the deadline passed while " + options.inFlightMax() + " operations were in flight; this one was not tried"));
            Futures.cancelTogether(result, place);
        }
        place.whenComplete((taken, error) -> {
            if (error != null) {
                result.completeExceptionally(Futures.unwrap(error));
                return;
            }
            result.whenComplete((value, failure) -> places.leave());
            if (result.isDone()) {
                return;
            }
            try {
                CompletableFuture<StreamResult> running = operation.get();
                Futures.cancelTogether(result, running);
                running.whenComplete((value, failure) -> {
                    if (failure != null) {
                        result.completeExceptionally(Futures.unwrap(failure));
                    } else {
                        result.complete(value);
                    }
                });
            } catch (RuntimeException | Error e) { // whatever it is: its place must be left
                result.completeExceptionally(e);
            }
        });
        return result;
    }

    private CompletableFuture<Page> startPage(Consumer<ScanOptions> options) {
        ScanOptions chosen = chosen(options);
        if (chosen.limit < 1) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "a page needs a positive limit");
        }
        PageReader pages = new PageReader(runner, Wire.scan(chosen), chosen.deadline);
        List<Pair> pairs = new ArrayList<>();
        CompletableFuture<ScanResponse> last = readAll(pages, part -> pairs.addAll(Wire.pairs(part)));
        return Futures.map(last, end -> new Page(
            List.copyOf(pairs), end == null ? NO_KEY : end.getNextPageToken().toByteArray(), end == null ? 0 : end.getCount()));
    }

    private CompletableFuture<Long> startCount(Consumer<ScanOptions> options) {
        ScanOptions chosen = chosen(options);
        ScanRequest request = Wire.scan(chosen).toBuilder().setCountOnly(true).build();
        CompletableFuture<ScanResponse> last = readAll(new PageReader(runner, request, chosen.deadline), part -> { });
        return Futures.map(last, end -> end == null ? 0L : end.getCount());
    }

    // Completes with the last page, null where there was none.
    private static CompletableFuture<ScanResponse> readAll(PageReader pages, Consumer<ScanResponse> take) {
        CompletableFuture<ScanResponse> last = new CompletableFuture<>();
        last.whenComplete((value, error) -> pages.close());
        readOn(pages, take, null, last);
        return last;
    }

    private static void readOn(PageReader pages, Consumer<ScanResponse> take, ScanResponse before, CompletableFuture<ScanResponse> last) {
        pages.next().whenComplete((page, error) -> {
            if (error != null) {
                last.completeExceptionally(Futures.unwrap(error));
            } else if (page == null) {
                last.complete(before);
            } else {
                take.accept(page);
                readOn(pages, take, page, last);
            }
        });
    }

    private CompletableFuture<ClusterView> startView(Duration deadline) {
        long until = runner.deadline(deadline);
        CompletableFuture<ClusterView> first = new CompletableFuture<>();
        ViewWatch watch = new ViewWatch(runner, true, view -> {
            first.complete(view);
            return false;
        });
        runner.until(until, first, () -> NoriKVException.of(
            Code.UNAVAILABLE, "no node answered at " + String.join(", ", options.addresses())));
        watch.done.whenComplete((value, error) -> {
            if (error != null) {
                first.completeExceptionally(Futures.unwrap(error));
            }
        });
        first.whenComplete((view, error) -> watch.close());
        watch.start();
        return first;
    }

    private CompletableFuture<Boolean> startServing(Duration deadline) {
        long until = runner.deadline(deadline);
        return Futures.map(
            runner.attempts(NO_KEY, false, until, (node, perhapsDone) -> node.waitFor(
                node.unary(Methods.HEALTH, StreamRequest.getDefaultInstance(), until))),
            answer -> answer.getUnknownFields().getField(1).getVarintList().contains(1L));
    }

    private <T> CompletableFuture<T> handOver(CompletableFuture<T> started) {
        return Futures.handOver(started, options.executor());
    }

    private static ScanOptions chosen(Consumer<ScanOptions> options) {
        ScanOptions chosen = new ScanOptions();
        options.accept(chosen);
        return chosen;
    }

    private static Consumer<PutOptions> expecting(Version expected) {
        Objects.requireNonNull(expected, "the expected version is null; Version.NONE expects the key to be missing");
        return o -> {
            o.ifMatch = expected.isPresent() ? expected : null;
            o.ifNotExists = !expected.isPresent();
        };
    }

    private static CompletableFuture<GetResult> required(byte[] key, CompletableFuture<GetResult> got) {
        return Futures.map(got, result -> {
            if (!result.found()) {
                throw NoriKVException.of(
                    Code.NOT_FOUND, "the key \"" + new String(key, java.nio.charset.StandardCharsets.UTF_8) + "\" does not exist");
            }
            return result;
        });
    }
}
