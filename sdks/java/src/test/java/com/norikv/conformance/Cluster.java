package com.norikv.conformance;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/** The nodes of a scenario that needs several: a process of sdks/conformance/cluster.py that is told what to do with them. */
final class Cluster implements AutoCloseable {
    private final Process process;
    private final BufferedReader answers;
    private final Writer commands;
    final String[] addresses;

    Cluster(Path root, Fields wanted) throws IOException {
        String settings = wanted.has("settings") ? Json.write(wanted.get("settings")) : "";
        process = new ProcessBuilder(
            List.of("/usr/bin/python3", root.resolve("cluster.py").toString(), Integer.toString(wanted.number("nodes")), settings))
            .redirectError(ProcessBuilder.Redirect.to(new File("/dev/null"))).start();
        answers = process.inputReader(StandardCharsets.UTF_8);
        commands = process.outputWriter(StandardCharsets.UTF_8);
        addresses = answer("ready ").split(",");
    }

    /** The words for the nodes that a step means. */
    static String nodes(Fields step, Data data) {
        Object node = step.get("node");
        return node.equals("leading") ? "leading " + hex(step, data) : node.toString();
    }

    static String hex(Fields step, Data data) {
        return HexFormat.of().formatHex(data.key(step.get("key"), ""));
    }

    void tell(String command) throws IOException {
        commands.write(command + "\n");
        commands.flush();
        answer("ok");
    }

    @Override
    public void close() {
        try {
            commands.close(); // its end, and that of the nodes
        } catch (IOException e) {
            process.destroy(); // it ended before
        }
        process.onExit().join();
    }

    private String answer(String wanted) throws IOException {
        String line = answers.readLine();
        if (line == null || !line.startsWith(wanted)) {
            throw new Mismatch("the cluster: " + line);
        }
        return line.substring(wanted.length());
    }
}
