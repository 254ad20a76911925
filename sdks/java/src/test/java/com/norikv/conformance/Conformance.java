package com.norikv.conformance;

import com.norikv.client.NoriKVClient;
import com.norikv.client.testing.EphemeralServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The conformance suite by the Java client: see sdks/conformance/README.md. Ends with 1 when a scenario failed. */
public final class Conformance {
    private final Path root;
    private EphemeralServer shared;
    private Cluster cluster; // shared by the scenarios that want the same
    private String clusterKey;

    private Conformance(Path root) {
        this.root = root;
    }

    /**
     * Runs it.
     *
     * @param arguments the folder of the suite
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        if (arguments.length == 3 && arguments[0].equals("soak")) {
            soak(Integer.parseInt(arguments[1]), List.of(arguments[2].split(",")));
            return;
        }
        if (arguments.length == 2 && arguments[0].equals("orphan")) {
            Orphan.run(arguments[1]);
            return;
        }
        if (arguments.length == 3 && arguments[0].equals("bench")) {
            Bench.run(Double.parseDouble(arguments[1]), Double.parseDouble(arguments[2]));
            return;
        }
        Conformance suite = new Conformance(Path.of(arguments.length > 0 ? arguments[0] : "../conformance"));
        List<Object> results = suite.all();
        String file = System.getenv("NORIKV_CONFORMANCE_RESULTS");
        if (file != null) {
            Files.writeString(Path.of(file), Json.write(Map.of("language", "java", "results", results)));
        }
        System.exit(results.isEmpty() || results.stream().anyMatch(r -> Fields.of(r).text("status").equals("failed")) ? 1 : 0);
    }

    // Writers against the nodes of NORIKV_ADDR until standard input ends; prints what they saw.
    private static void soak(int count, List<String> kinds) throws IOException, InterruptedException {
        try (NoriKVClient client = NoriKVClient.builder().deadline(Duration.ofSeconds(10)).build()) {
            Writers writers = new Writers(client, new Data("soak/java/" + Long.toHexString(System.nanoTime()) + "/"), count, kinds);
            System.in.readAllBytes();
            writers.stop();
            System.out.println(Json.write(writers.report()));
        }
    }

    private List<Object> all() throws IOException {
        String only = System.getenv("NORIKV_CONFORMANCE_ONLY");
        List<Path> files;
        try (Stream<Path> found = Files.list(root.resolve("scenarios"))) {
            files = found.filter(f -> f.toString().endsWith(".json")).sorted().toList();
        }
        List<Object> results = new ArrayList<>();
        for (Path file : files) {
            for (Object one : Fields.of(Json.parse(Files.readString(file))).list("scenarios")) {
                Fields scenario = Fields.of(one);
                String name = scenario.text("name");
                if (only != null && !only.isEmpty() && !List.of(only.split(",")).contains(name)) {
                    continue;
                }
                long begun = System.nanoTime();
                String[] said = run(scenario);
                long ms = (System.nanoTime() - begun) / 1_000_000;
                System.out.printf("%-12s %s (%d ms) %s%n", said[0], name, ms, said[1]);
                results.add(Map.of("scenario", name, "status", said[0], "detail", said[1], "ms", ms));
            }
        }
        closeShared(true, true);
        return results;
    }

    private String[] run(Fields scenario) {
        Fields wanted = scenario.fields("server");
        try {
            if (wanted.has("nodes")) {
                steps(scenario, null, cluster(wanted));
            } else if (scenario.has("server")) {
                try (EphemeralServer own = started(wanted)) {
                    steps(scenario, own, null);
                }
            } else {
                steps(scenario, common(), null);
            }
            return new String[] {"passed", ""};
        } catch (Exception e) {
            // What is shared is perhaps stopped or frozen: the next scenario gets another.
            closeShared(wanted.has("nodes"), !scenario.has("server"));
            return new String[] {"failed", e instanceof Mismatch ? e.getMessage() : e.toString()};
        }
    }

    private void steps(Fields scenario, EphemeralServer server, Cluster cluster) throws Exception {
        ScenarioRun run = new ScenarioRun(root, scenario, server, cluster);
        try {
            run.all();
        } finally {
            run.close();
        }
    }

    private void closeShared(boolean ofNodes, boolean single) {
        if (single && shared != null) {
            shared.close();
            shared = null;
        }
        if (ofNodes && cluster != null) {
            cluster.close();
            cluster = null;
        }
    }

    private Cluster cluster(Fields wanted) throws IOException {
        String key = Json.write(wanted.map());
        if (cluster == null || !key.equals(clusterKey)) {
            closeShared(true, false);
            cluster = new Cluster(root, wanted);
            clusterKey = key;
        }
        cluster.tell("start stopped");
        return cluster;
    }

    private EphemeralServer started(Fields wanted) {
        EphemeralServer.Builder builder = EphemeralServer.builder();
        if (wanted.has("settings")) {
            builder.configuration(Json.write(wanted.get("settings")).replace("{root}", root.toAbsolutePath().toString()));
        }
        if (wanted.flag("scripted")) {
            builder.command(List.of("/usr/bin/python3", root.toAbsolutePath().resolve("scripted.py").toString()));
        }
        return builder.start();
    }

    private EphemeralServer common() {
        if (shared == null) {
            shared = EphemeralServer.start();
        }
        return shared;
    }
}
