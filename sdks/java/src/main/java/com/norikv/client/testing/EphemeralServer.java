package com.norikv.client.testing;

import com.norikv.client.NoriKVClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * The real server for a test: free ports of loopback, a temporary data directory, gone when closed. It can be stopped or killed and started
 * again on the same ports and data. One thread at a time.
 */
public final class EphemeralServer implements AutoCloseable {
    private static final int OUTPUT_LINES_MAX = 200;

    private final List<String> command;
    private final List<String> arguments;
    private final Duration startLimit;
    private final Path folder;
    private final Deque<String> output = new ArrayDeque<>(); // guarded by itself
    private final Thread atExit = new Thread(this::killAndDelete);
    private Path configuration;
    private Process process;
    private String address = "127.0.0.1:0";
    private String httpAddress = "127.0.0.1:0";

    private EphemeralServer(Builder builder) throws IOException {
        command = builder.command;
        arguments = builder.arguments;
        startLimit = builder.startLimit;
        folder = Files.createTempDirectory("norikv-ephemeral-");
        if (builder.configuration != null) {
            configuration = Files.writeString(folder.resolve("norikv.yaml"), builder.configuration);
        }
        Runtime.getRuntime().addShutdownHook(atExit); // a test that ends without closing leaves no server behind
    }

    /** Says how a server is started. */
    public static final class Builder {
        private List<String> command;
        private List<String> arguments = List.of();
        private String configuration;
        private Duration startLimit = Duration.ofSeconds(60);

        private Builder() {
            String named = System.getenv("NORIKV_SERVER");
            command = named == null || named.isBlank() ? List.of("norikv") : Arrays.asList(named.trim().split("\\s+"));
        }

        /**
         * The server program with its first arguments; without it what {@code NORIKV_SERVER} names, separated by spaces, else
         * {@code norikv} from the PATH.
         *
         * @param command the command
         * @return this
         */
        public Builder command(List<String> command) {
            this.command = List.copyOf(command);
            return this;
        }

        /**
         * More arguments of the server.
         *
         * @param arguments the arguments
         * @return this
         */
        public Builder arguments(String... arguments) {
            this.arguments = List.of(arguments);
            return this;
        }

        /**
         * The text of the server's configuration file.
         *
         * @param text YAML or JSON
         * @return this
         */
        public Builder configuration(String text) {
            this.configuration = text;
            return this;
        }

        /**
         * How long to wait until it serves; 60 s without it.
         *
         * @param limit the limit
         * @return this
         */
        public Builder startLimit(Duration limit) {
            this.startLimit = limit;
            return this;
        }

        /**
         * Starts it and waits until it serves.
         *
         * @return the server
         * @throws IllegalStateException when it ended or did not serve in time, with its last output
         */
        public EphemeralServer start() {
            try {
                EphemeralServer server = new EphemeralServer(this);
                try {
                    server.startAgain();
                    return server;
                } catch (RuntimeException e) {
                    server.close();
                    throw e;
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /**
     * Begins a server.
     *
     * @return its builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Starts a server with default options and waits until it serves.
     *
     * @return the server
     */
    public static EphemeralServer start() {
        return builder().start();
    }

    /**
     * host:port of gRPC; the same over restarts.
     *
     * @return the address
     */
    public String address() {
        return address;
    }

    /**
     * host:port of HTTP; the same over restarts.
     *
     * @return the address
     */
    public String httpAddress() {
        return httpAddress;
    }

    /**
     * The id of the running process.
     *
     * @return 0 when it does not run
     */
    public long pid() {
        return process == null ? 0 : process.pid();
    }

    /**
     * The last lines that it printed.
     *
     * @return the lines
     */
    public String output() {
        synchronized (output) {
            return String.join("\n", output);
        }
    }

    /**
     * A client of it.
     *
     * @return the client, to be closed
     */
    public NoriKVClient connect() {
        return NoriKVClient.connect(address);
    }

    /** Starts it after {@link #stop} or {@link #kill}, on the same ports and data, and waits until it serves. */
    public void startAgain() {
        if (process != null) {
            throw new IllegalStateException("the server runs already");
        }
        List<String> line = new ArrayList<>(command);
        line.add("server");
        if (configuration != null) {
            line.add(configuration.toString());
        }
        Collections.addAll(
            line, "--with-parent", "--data-dir", folder.resolve("data").toString(), "--rpc-addr", address, "--http-addr", httpAddress);
        line.addAll(arguments);
        CompletableFuture<String> ready = new CompletableFuture<>();
        try {
            // It ends with its standard input, whose other end is here: so it does not outlive a program that is killed.
            Process started = new ProcessBuilder(line).redirectErrorStream(true).start();
            process = started;
            Thread reader = new Thread(() -> read(started, ready), "norikv-server-output");
            reader.setDaemon(true);
            reader.start();
            for (String field : ready.get(startLimit.toMillis(), TimeUnit.MILLISECONDS).split(" ")) {
                if (field.startsWith("rpc=")) {
                    address = field.substring("rpc=".length());
                } else if (field.startsWith("http=")) {
                    httpAddress = field.substring("http=".length());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (TimeoutException e) {
            kill();
            throw new IllegalStateException("the server did not serve within " + startLimit + ":\n" + output(), e);
        } catch (ExecutionException e) {
            kill();
            throw new IllegalStateException("the server ended before it served:\n" + output(), e);
        } catch (InterruptedException e) {
            kill();
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the server started", e);
        }
    }

    /** Asks it to stop (SIGTERM) and waits until it has. */
    public void stop() {
        if (process != null) {
            process.destroy();
            ended(30);
        }
    }

    /** Ends it at once, as a crash of the process would (SIGKILL). */
    public void kill() {
        if (process != null) {
            process.destroyForcibly();
            ended(30);
        }
    }

    /** Ends it and deletes its data. */
    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(atExit);
        } catch (IllegalStateException e) {
            return; // the machine is shutting down: the hook does it
        }
        killAndDelete();
    }

    private void killAndDelete() {
        kill();
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        } catch (IOException | UncheckedIOException e) {
            folder.toFile().deleteOnExit();
        }
    }

    private void ended(int seconds) {
        Process ending = process;
        process = null;
        try {
            if (!ending.waitFor(seconds, TimeUnit.SECONDS)) {
                ending.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            ending.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    private void read(Process from, CompletableFuture<String> ready) {
        try (BufferedReader lines = from.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                synchronized (output) {
                    output.add(line);
                    if (output.size() > OUTPUT_LINES_MAX) {
                        output.remove();
                    }
                }
                if (line.startsWith("ready ")) {
                    ready.complete(line);
                }
            }
        } catch (IOException e) {
            ready.completeExceptionally(e);
        }
        ready.completeExceptionally(new IOException("the server ended"));
    }
}
