package com.norikv.conformance;

import com.norikv.client.testing.EphemeralServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A program of its own that starts a server and ends: the server ends, too. */
final class Orphan {
    private Orphan() {
    }

    static void outlived(String how) throws IOException, InterruptedException {
        Process program = new ProcessBuilder(
            ProcessHandle.current().info().command().orElse("java"), "-cp", System.getProperty("java.class.path"),
            Conformance.class.getName(), "orphan", how).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        long server;
        try (BufferedReader lines = program.inputReader(StandardCharsets.UTF_8)) {
            server = Long.parseLong(lines.readLine());
            if (how.equals("KILL")) {
                program.destroyForcibly();
            } else if (how.equals("TERM")) {
                program.destroy();
            }
            program.waitFor();
        }
        for (long begun = System.nanoTime(); isAlive(server); Thread.sleep(20)) {
            if (System.nanoTime() - begun > 60_000_000_000L) {
                ProcessHandle.of(server).ifPresent(ProcessHandle::destroyForcibly);
                throw new Mismatch("the server outlived its program (" + how + ")");
            }
        }
    }

    static void run(String how) throws InterruptedException {
        System.out.println(EphemeralServer.start().pid());
        if (how.equals("exit")) {
            Runtime.getRuntime().halt(0); // without the hooks of a shutdown
        }
        Thread.sleep(600_000);
    }

    private static boolean isAlive(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
        } catch (IOException e) {
            return false;
        }
    }
}
