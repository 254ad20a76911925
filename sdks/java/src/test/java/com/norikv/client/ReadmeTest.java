package com.norikv.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.norikv.client.testing.EphemeralServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs of the README and the examples run as they stand against the real server. */
class ReadmeTest {
    @TempDir
    Path folder;

    @Test
    void theProgramsRunAsTheyStand() throws Exception {
        List<String> wanted = List.of("VERSION_MISMATCH\nuser:1 = Ada Lovelace\nAda Lovelace\n", "100\n", "1 is still there\n");
        List<MatchResult> blocks = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("README.md"))).results().toList();
        assertEquals(wanted.size(), blocks.size(), "programs in the README");
        try (EphemeralServer server = EphemeralServer.start()) {
            for (int i = 0; i < wanted.size(); i++) {
                Path file = folder.resolve("Program" + i + ".java");
                Files.writeString(file, blocks.get(i).group(1));
                assertEquals(wanted.get(i), printed(file, server.address()));
            }
            assertEquals("counted to 20\n", printed(Path.of("examples/Counter.java"), server.address()));
            assertEquals(
                "10 pairs from example:page:000\n10 pairs from example:page:010\n5 pairs from example:page:020\nshown 25\n",
                printed(Path.of("examples/Pages.java"), server.address()));
        }
    }

    private String printed(Path program, String address) throws IOException, InterruptedException {
        Path output = folder.resolve("output");
        ProcessBuilder java = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
            "-cp", System.getProperty("java.class.path"), program.toString());
        java.environment().put("NORIKV_ADDR", address);
        Process process = java.redirectErrorStream(true).redirectOutput(output.toFile()).start();
        boolean ended = process.waitFor(120, TimeUnit.SECONDS);
        process.destroyForcibly();
        String text = Files.readString(output);
        assertEquals(0, ended ? process.waitFor() : -1, program + " printed " + text);
        return text;
    }
}
