package com.norikv.conformance;

import com.norikv.client.testing.EphemeralServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The conformance suite by the Java client: see sdks/conformance/README.md. Ends with 1 when a scenario failed. */
public final class Conformance {
    private final Path root;
    private EphemeralServer shared;

    private Conformance(Path root) {
        this.root = root;
    }

    /**
     * Runs it.
     *
     * @param arguments the folder of the suite
     */
    public static void main(String[] arguments) throws IOException {
        Conformance suite = new Conformance(Path.of(arguments.length > 0 ? arguments[0] : "../conformance"));
        List<Object> results = suite.all();
        String file = System.getenv("NORIKV_CONFORMANCE_RESULTS");
        if (file != null) {
            Files.writeString(Path.of(file), Json.write(Map.of("language", "java", "results", results)));
        }
        System.exit(results.isEmpty() || results.stream().anyMatch(r -> Fields.of(r).text("status").equals("failed")) ? 1 : 0);
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
        if (shared != null) {
            shared.close();
        }
        return results;
    }

    private String[] run(Fields scenario) {
        if (scenario.has("needs")) {
            return new String[] {"not_runnable", "needs a " + scenario.text("needs")};
        }
        boolean own = scenario.has("server");
        EphemeralServer server = null;
        try {
            server = own ? started(scenario.fields("server")) : common();
            ScenarioRun run = new ScenarioRun(root, scenario, server);
            try {
                run.all();
            } finally {
                run.close();
            }
            return new String[] {"passed", ""};
        } catch (Exception e) {
            if (!own && shared != null) {
                // Perhaps it is stopped or frozen: the next scenario gets another.
                shared.close();
                shared = null;
            }
            return new String[] {"failed", e instanceof Mismatch ? e.getMessage() : e.toString()};
        } finally {
            if (own && server != null) {
                server.close();
            }
        }
    }

    private static EphemeralServer started(Fields wanted) {
        EphemeralServer.Builder builder = EphemeralServer.builder();
        if (wanted.has("settings")) {
            builder.configuration(Json.write(wanted.get("settings")));
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
