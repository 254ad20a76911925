package com.norikv.conformance;

import com.norikv.client.NoriKVClient;
import com.norikv.client.NoriKVException;
import com.norikv.client.Scan;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** Scans one prefix again and again and compares with the keys that must be there. */
final class Scanner {
    private final NoriKVClient client;
    private final byte[] prefix;
    private final List<byte[]> keys;
    private final Thread thread = new Thread(this::run, "scanner");
    private final AtomicInteger done = new AtomicInteger();
    private volatile boolean stopping;
    private volatile RuntimeException wrong;

    Scanner(NoriKVClient client, byte[] prefix, List<byte[]> keys) {
        this.client = client;
        this.prefix = prefix;
        this.keys = keys;
        thread.start();
    }

    void finish(int more, Fields expect) throws InterruptedException {
        int before = done.get();
        for (long begun = System.nanoTime(); thread.isAlive() && done.get() < before + more; Thread.sleep(20)) {
            if (System.nanoTime() - begun > 60_000_000_000L) {
                throw new Mismatch("the scanner stands at " + done);
            }
        }
        stop();
        if (wrong instanceof NoriKVException error && Expectation.names(expect.get("errors"), error)) {
            return;
        }
        if (wrong != null) {
            throw new Mismatch("the scanner saw " + wrong.getMessage());
        }
    }

    void stop() throws InterruptedException {
        stopping = true;
        thread.join();
    }

    private void run() {
        try {
            while (!stopping) {
                try (Scan scan = client.scan(o -> o.prefix(prefix))) {
                    List<byte[]> got = scan.stream().map(pair -> pair.key()).toList();
                    if (!Arrays.deepEquals(got.toArray(), keys.toArray())) {
                        throw new Mismatch(got.size() + " keys, or others, not " + keys.size());
                    }
                }
                done.incrementAndGet();
            }
        } catch (NoriKVException | Mismatch e) {
            wrong = e;
        }
    }
}
