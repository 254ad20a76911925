package com.norikv.conformance;

import com.norikv.client.ClientBuilder;
import com.norikv.client.ClusterView;
import com.norikv.client.ClusterWatch;
import com.norikv.client.Consistency;
import com.norikv.client.DeleteOptions;
import com.norikv.client.GetOptions;
import com.norikv.client.NoriKVClient;
import com.norikv.client.NoriKVException;
import com.norikv.client.Operation;
import com.norikv.client.Page;
import com.norikv.client.Pair;
import com.norikv.client.PutOptions;
import com.norikv.client.RetryPolicy;
import com.norikv.client.Scan;
import com.norikv.client.ScanOptions;
import com.norikv.client.TlsOptions;
import com.norikv.client.testing.EphemeralServer;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** One scenario: its client, what it saved, its steps one after the other. */
final class ScenarioRun {
    private static final int DEADLINE_MS = 30_000;

    private final Path root;
    private final Fields scenario;
    private final EphemeralServer server; // null where there is a cluster
    private final Cluster cluster; // null where there is one server
    private final Data data;
    private final Map<String, Object> saved = new ConcurrentHashMap<>();
    private final Expectation expectation;
    private final Addresses addresses;
    private final BlockingQueue<ClusterView> views = new LinkedBlockingQueue<>();
    private final Map<String, Background> begun = new java.util.HashMap<>();
    private NoriKVClient client;
    private Writers writers;
    private Scanner scanner;
    private ClusterWatch watch;
    private ClusterView view;
    private ServerSocket occupied;

    ScenarioRun(Path root, Fields scenario, EphemeralServer server, Cluster cluster) {
        this.root = root;
        this.scenario = scenario;
        this.server = server;
        this.cluster = cluster;
        data = new Data(scenario.text("name") + "/" + Long.toHexString(System.nanoTime()) + "/");
        expectation = new Expectation(data, saved);
        addresses = new Addresses(cluster == null ? List.of(server.address()) : List.of(cluster.addresses));
    }

    void all() throws Exception {
        client = connect(scenario.fields("client"));
        int number = 0;
        for (Object one : scenario.list("steps")) {
            Fields step = Fields.of(one);
            number++;
            try {
                step(step);
            } catch (NoriKVException | Mismatch e) {
                throw new Mismatch("step " + number + " (" + step.text("do") + "): " + e.getMessage());
            }
        }
    }

    void close() throws InterruptedException {
        begun.values().forEach(one -> one.thread.interrupt());
        if (writers != null) {
            writers.stop();
        }
        if (scanner != null) {
            scanner.stop();
        }
        if (watch != null) {
            watch.close();
        }
        if (client != null) {
            client.close();
        }
        addresses.close();
        if (occupied != null) {
            try {
                occupied.close();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    private NoriKVClient connect(Fields options) {
        long deadline = options.has("deadline_ms") ? options.wide("deadline_ms") : DEADLINE_MS;
        ClientBuilder builder = NoriKVClient.builder()
            .addresses(addresses.of(options)).deadline(Duration.ofMillis(deadline));
        if (Boolean.FALSE.equals(options.get("retries"))) {
            builder.retry(RetryPolicy.NONE);
        }
        if (options.has("attempts")) {
            RetryPolicy usual = RetryPolicy.DEFAULT;
            builder.retry(new RetryPolicy(
                options.number("attempts"), usual.backoffInitial(), usual.backoffMax(), usual.backoffFactor(), usual.budgetMax(),
                usual.budgetPerSuccess()));
        }
        if (options.has("in_flight_max")) {
            builder.inFlightMax(options.number("in_flight_max"));
        }
        if (options.has("smart_routing")) {
            builder.smartRouting(options.flag("smart_routing"));
        }
        if (options.has("tls")) {
            TlsOptions tls = TlsOptions.trusting(root.resolve(options.text("tls")));
            builder.tls(options.has("server_name") ? tls.withServerName(options.text("server_name")) : tls);
        }
        return builder.build();
    }

    private void step(Fields step) throws Exception {
        switch (step.text("do")) {
            case "occupy" -> occupied = new ServerSocket(
                Integer.parseInt(server.address().split(":")[1]), 1, java.net.InetAddress.getLoopbackAddress());
            case "free" -> occupied.close();
            case "orphan" -> Orphan.outlived(step.text("how"));
            case "stop", "kill", "start", "restart" -> node(step.text("do"), step);
            case "transfer" -> cluster.tell("transfer " + (step.has("key")
                ? "key " + Cluster.hex(step, data) : "shards " + step.number("shards")));
            case "pause", "resume" -> pauseOrResume(step);
            case "many" -> many(step);
            case "start_writing" -> writers = new Writers(client, data, step.number("writers"), step.has("kinds") ? step.list("kinds") : List.of("put"));
            case "written" -> writers.written(step.number("more"));
            case "stop_writing" -> writers.finish(step.number("more"), step.fields("expect"));
            case "start_scanning" -> scanner =
                new Scanner(client, data.key(step.get("prefix"), ""), data.keys(step.get("expect_keys")));
            case "stop_scanning" -> scanner.finish(step.number("more"), step.fields("expect"));
            case "begin" -> begun.put(step.text("as"), new Background(step.fields("step")));
            case "cancel" -> begun.get(step.text("of")).thread.interrupt();
            case "end" -> expectation.check(begun.remove(step.text("of")).outcome(), step.fields("expect"), "");
            case "printed" -> printed(step.list("lines"));
            case "hash_vectors" -> HashVectors.check(root.resolve(step.text("file")));
            default -> one(step, "");
        }
    }

    // A step that goes on while others run.
    private final class Background {
        private final java.util.concurrent.CompletableFuture<Outcome> outcome = new java.util.concurrent.CompletableFuture<>();
        private final Thread thread;

        Background(Fields step) {
            thread = new Thread(() -> {
                try {
                    outcome.complete(attempt(step, ""));
                } catch (InterruptedException | RuntimeException e) {
                    outcome.completeExceptionally(e);
                }
            }, "step");
            thread.setDaemon(true);
            thread.start();
        }

        Outcome outcome() throws Exception {
            try {
                return outcome.get(10, TimeUnit.SECONDS);
            } catch (java.util.concurrent.TimeoutException e) {
                throw new Mismatch("a step did not end");
            }
        }
    }

    private void printed(List<Object> lines) throws InterruptedException {
        for (long started = System.nanoTime();; Thread.sleep(20)) {
            List<String> got = server.output().lines().filter(line -> line.startsWith("got ")).toList();
            if (got.equals(lines)) {
                return;
            }
            if (got.size() > lines.size() || System.nanoTime() - started > 30_000_000_000L) {
                throw new Mismatch("the node printed " + got);
            }
        }
    }

    private void pauseOrResume(Fields step) throws IOException, InterruptedException {
        if (cluster != null) {
            node(step.text("do"), step);
        } else if (step.text("do").equals("pause")) {
            pause();
        } else {
            signal("CONT");
        }
    }

    private void node(String verb, Fields step) throws IOException {
        if (cluster != null) {
            cluster.tell(verb + " " + Cluster.nodes(step, data));
            return;
        }
        if (verb.equals("kill")) {
            server.kill();
        }
        if (verb.equals("stop") || verb.equals("restart")) {
            server.stop();
        }
        if (step.flag("fails")) {
            try {
                server.startAgain();
            } catch (IllegalStateException e) {
                return;
            }
            throw new Mismatch("it started");
        }
        if (verb.equals("start") || verb.equals("restart")) {
            server.startAgain();
        }
    }

    // Waits until all threads stand: the signal is under way when kill ends.
    private void pause() throws IOException, InterruptedException {
        signal("STOP");
        boolean stand = false;
        while (!stand) {
            Thread.sleep(5);
            try (Stream<Path> threads = Files.list(Path.of("/proc/" + server.pid() + "/task"))) {
                stand = threads.allMatch(ScenarioRun::stands);
            }
        }
    }

    private static boolean stands(Path thread) {
        try {
            String stat = Files.readString(thread.resolve("stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) == 'T';
        } catch (IOException e) {
            return true; // it ended meanwhile
        }
    }

    private void signal(String name) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, Long.toString(server.pid())).inheritIO().start().waitFor();
    }

    private void many(Fields many) throws Exception {
        Fields step = many.fields("step");
        boolean together = many.has("expect");
        int succeeded = 0;
        for (Outcome outcome : atOnce(many, step, together)) {
            if (outcome.error == null) {
                succeeded++;
            } else if (!together || !Expectation.names(many.fields("expect").get("errors"), outcome.error)) {
                throw new Mismatch("one of the many: " + outcome.error.getMessage());
            }
        }
        Fields expect = many.fields("expect");
        if (expect.has("succeeded") && succeeded != expect.number("succeeded")
            || succeeded < expect.number("succeeded_at_least")) {
            throw new Mismatch(succeeded + " succeeded");
        }
    }

    private List<Outcome> atOnce(Fields many, Fields step, boolean together) throws InterruptedException {
        int count = many.number("count");
        ExecutorService threads = Executors.newFixedThreadPool(Math.min(count, 200));
        try {
            List<Callable<Outcome>> tasks = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                String number = Data.padded(i, many.number("digits"));
                tasks.add(() -> together ? attempt(step, number) : one(step, number));
            }
            List<Outcome> outcomes = new ArrayList<>();
            for (Future<Outcome> future : threads.invokeAll(tasks)) {
                outcomes.add(future.get());
            }
            return outcomes;
        } catch (ExecutionException e) {
            throw new Mismatch("one of the many: " + e.getCause().getMessage());
        } finally {
            threads.shutdown();
        }
    }

    private Outcome one(Fields step, String i) throws InterruptedException {
        if (step.has("until")) {
            for (long begun = System.nanoTime(); System.nanoTime() - begun < step.number("within_ms") * 1_000_000L; Thread.sleep(20)) {
                Outcome outcome = attempt(step, i);
                try {
                    expectation.check(outcome, step.fields("until"), i);
                    return outcome;
                } catch (NoriKVException | Mismatch e) {
                    continue;
                }
            }
            throw new Mismatch("never came to " + Json.write(step.get("until")));
        }
        Outcome outcome = attempt(step, i);
        expectation.check(outcome, step.fields("expect"), i);
        if (step.has("save")) {
            saved.put(step.text("save"), step.text("do").equals("page") ? outcome.token : outcome.version);
        }
        return outcome;
    }

    private Outcome attempt(Fields step, String i) throws InterruptedException {
        long begun = System.nanoTime();
        Outcome outcome;
        try {
            outcome = operation(step, i);
        } catch (NoriKVException e) {
            outcome = Outcome.of(e);
        } catch (CancellationException e) {
            outcome = new Outcome();
            outcome.cancelled = true;
        }
        outcome.tookMs = (System.nanoTime() - begun) / 1_000_000;
        return outcome;
    }

    private Outcome operation(Fields step, String i) throws InterruptedException {
        Outcome outcome = new Outcome();
        switch (step.text("do")) {
            case "client":
                client.close();
                client = connect(step);
                return outcome;
            case "close":
                client.close();
                return outcome;
            case "put":
                return Outcome.of(client.put(data.key(step.get("key"), i), data.bytes(step.get("value"), i), o -> options(o, step, i)));
            case "get":
                byte[] key = data.key(step.get("key"), i);
                return Outcome.of(step.flag("must_exist")
                    ? client.getRequired(key, o -> options(o, step)) : client.get(key, o -> options(o, step)));
            case "delete":
                return Outcome.of(client.delete(data.key(step.get("key"), i), o -> options(o, step, i)));
            case "batch":
                outcome.results = client.batch(operations(step, i), o -> {
                    if (step.flag("require_atomic")) {
                        o.requireAtomic();
                    }
                    if (step.has("idempotency_key")) {
                        o.idempotencyKey(data.text(step.text("idempotency_key"), i));
                    }
                }).stream().map(Outcome::of).toList();
                break;
            case "scan":
                try (Scan scan = client.scan(o -> options(o, step, i))) {
                    List<Pair> pairs = new ArrayList<>();
                    for (Pair pair : scan) {
                        pairs.add(pair);
                        if (pairs.size() == step.fields("slow").number("at")) {
                            Thread.sleep(step.fields("slow").number("ms"));
                        }
                    }
                    outcome.pairs = pairs;
                }
                break;
            case "page":
                Page page = client.scanPage(o -> options(o, step, i));
                outcome.pairs = page.pairs();
                outcome.token = page.nextPageToken();
                break;
            case "count":
                outcome.count = client.count(o -> options(o, step, i));
                break;
            case "view":
                outcome.view = client.clusterView();
                break;
            case "health":
                outcome.serving = client.isServing();
                break;
            case "watch":
                watch = client.watchCluster(views::add);
                outcome.view = view = newView();
                break;
            case "watch_newer":
                long epoch = view.epoch();
                do {
                    outcome.view = view = newView();
                } while (view.epoch() <= epoch || !Expectation.everyShardLed(view));
                break;
            default:
                throw new Mismatch("the runner does not know the step " + step.text("do"));
        }
        return outcome;
    }

    private ClusterView newView() throws InterruptedException {
        ClusterView next = views.poll(60, TimeUnit.SECONDS);
        if (next == null) {
            throw new Mismatch("no newer view came");
        }
        return next;
    }

    private List<Operation> operations(Fields step, String i) {
        List<Operation> operations = new ArrayList<>();
        for (Object one : step.list("operations")) {
            Fields.of(one).map().forEach((kind, fields) -> {
                Fields f = Fields.of(fields);
                byte[] key = data.key(f.get("key"), i);
                operations.add(switch (kind) {
                    case "put" -> Operation.put(key, data.bytes(f.get("value"), i), o -> options(o, f, i));
                    case "delete" -> Operation.delete(key, o -> options(o, f, i));
                    default -> Operation.get(key, o -> options(o, f));
                });
            });
        }
        return operations;
    }

    private void options(PutOptions o, Fields step, String i) {
        if (step.has("ttl_ms")) {
            o.ttl(ms(step, "ttl_ms"));
        }
        if (step.has("if_match")) {
            o.ifMatch(expectation.version(step.get("if_match")));
        }
        if (step.flag("if_not_exists")) {
            o.ifNotExists();
        }
        if (step.has("idempotency_key")) {
            o.idempotencyKey(data.text(step.text("idempotency_key"), i));
        }
        if (step.has("deadline_ms")) {
            o.deadline(ms(step, "deadline_ms"));
        }
    }

    private void options(DeleteOptions o, Fields step, String i) {
        if (step.has("if_match")) {
            o.ifMatch(expectation.version(step.get("if_match")));
        }
        if (step.has("idempotency_key")) {
            o.idempotencyKey(data.text(step.text("idempotency_key"), i));
        }
        if (step.has("deadline_ms")) {
            o.deadline(ms(step, "deadline_ms"));
        }
    }

    private void options(GetOptions o, Fields step) {
        if (step.has("consistency")) {
            o.consistency(Consistency.valueOf(step.text("consistency").toUpperCase(java.util.Locale.ROOT)));
        }
        if (step.has("max_staleness_ms")) {
            o.maxStaleness(ms(step, "max_staleness_ms"));
        }
        if (step.has("deadline_ms")) {
            o.deadline(ms(step, "deadline_ms"));
        }
    }

    private void options(ScanOptions o, Fields step, String i) {
        byte[] none = {};
        if (step.has("prefix")) {
            o.prefix(data.key(step.get("prefix"), i));
        }
        o.range(
            step.has("start") ? data.key(step.get("start"), i) : none, step.has("end") ? data.key(step.get("end"), i) : none);
        if (step.flag("reverse")) {
            o.reverse();
        }
        if (step.has("limit")) {
            o.limit(step.number("limit"));
        }
        if (step.flag("keys_only")) {
            o.keysOnly();
        }
        if (step.has("page_token")) {
            o.pageToken((byte[]) saved.get(step.text("page_token").substring(1)));
        }
        if (step.has("consistency")) {
            o.consistency(Consistency.valueOf(step.text("consistency").toUpperCase(java.util.Locale.ROOT)));
        }
    }

    private static Duration ms(Fields step, String name) {
        return Duration.ofMillis(step.wide(name));
    }
}
