package com.norikv.conformance;

import static com.norikv.client.Bytes.utf8;

import com.norikv.client.AlreadyExistsException;
import com.norikv.client.FailedResult;
import com.norikv.client.GetResult;
import com.norikv.client.NoriKVClient;
import com.norikv.client.NoriKVException;
import com.norikv.client.Operation;
import com.norikv.client.OperationResult;
import com.norikv.client.PutResult;
import com.norikv.client.Version;
import com.norikv.client.VersionMismatchException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Each counts up its own key with compare-and-set: a write done twice meets its own effect, a lost one is missed. By kind: put; plain: without
 * a condition; large: values of 1 MiB; batch: with a second key; delete: the key is made and deleted again.
 */
final class Writers {
    private final NoriKVClient client;
    private final Thread[] threads;
    private final AtomicIntegerArray done;
    private final List<NoriKVException> errors = new CopyOnWriteArrayList<>();
    private final AtomicInteger lost = new AtomicInteger();
    private final AtomicInteger doubled = new AtomicInteger();
    private volatile boolean stopping;

    Writers(NoriKVClient client, Data data, int count, List<?> kinds) {
        this.client = client;
        done = new AtomicIntegerArray(count);
        threads = new Thread[count];
        for (int i = 0; i < count; i++) {
            int writer = i;
            String kind = (String) kinds.get(i % kinds.size());
            threads[i] = new Thread(() -> run(writer, kind, data.key("writer-" + writer, "")), "writer-" + i);
            threads[i].start();
        }
    }

    void written(int more) throws InterruptedException {
        int[] before = new int[threads.length];
        Arrays.setAll(before, done::get);
        for (long begun = System.nanoTime(); !reached(before, more); Thread.sleep(20)) {
            if (System.nanoTime() - begun > 60_000_000_000L) {
                throw new Mismatch("the writers stand at " + done);
            }
        }
    }

    void finish(int more, Fields expect) throws InterruptedException {
        written(more);
        stop();
        for (NoriKVException error : errors) {
            if (!Expectation.names(expect.get("errors"), error)) {
                throw new Mismatch("a writer saw " + error.getMessage());
            }
        }
        if (lost.get() != expect.number("lost") || doubled.get() != expect.number("doubled")) {
            throw new Mismatch(lost + " lost, " + doubled + " doubled");
        }
    }

    Map<String, Object> report() {
        int writes = 0;
        for (int i = 0; i < threads.length; i++) {
            writes += done.get(i);
        }
        return Map.of(
            "language", "java", "writes", writes, "errors", errors.stream().map(e -> (Object) e.getMessage()).toList(), "lost",
            lost.get(), "doubled", doubled.get());
    }

    void stop() throws InterruptedException {
        stopping = true;
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private boolean reached(int[] before, int more) {
        for (int i = 0; i < before.length; i++) {
            if (threads[i].isAlive() && done.get(i) < before[i] + more) {
                return false;
            }
        }
        return true;
    }

    private void run(int writer, String kind, byte[] key) {
        Version version = Version.NONE;
        byte[] value = {};
        try {
            while (!stopping) {
                value = utf8(Integer.toString(done.get(writer) + 1));
                if (kind.equals("large")) {
                    value = Arrays.copyOf(value, 1 << 20);
                }
                version = once(kind, key, value, version);
                check(key, value, version);
                if (kind.equals("batch") && !Arrays.equals(client.get(second(key)).value(), value)) {
                    lost.incrementAndGet();
                }
                if (kind.equals("delete")) {
                    Version made = version;
                    if (!client.delete(key, o -> o.ifMatch(made)).tombstoned()) {
                        doubled.incrementAndGet(); // deleted once: twice would find nothing
                    }
                    version = Version.NONE;
                    value = new byte[0];
                    check(key, value, version);
                }
                done.incrementAndGet(writer);
            }
            check(key, value, version);
        } catch (VersionMismatchException | AlreadyExistsException e) {
            doubled.incrementAndGet();
        } catch (NoriKVException e) {
            errors.add(e);
        }
    }

    private Version once(String kind, byte[] key, byte[] value, Version version) {
        if (kind.equals("plain")) {
            return client.put(key, value).version();
        }
        if (!kind.equals("batch")) {
            return client.compareAndSet(key, value, version).version();
        }
        List<OperationResult> results = client.batch(List.of(
            Operation.put(key, value, o -> {
                if (version.isPresent()) {
                    o.ifMatch(version);
                } else {
                    o.ifNotExists();
                }
            }), Operation.put(second(key), value)));
        for (OperationResult result : results) {
            if (result instanceof FailedResult failed) {
                throw failed.error();
            }
        }
        return ((PutResult) results.get(0)).version();
    }

    private static byte[] second(byte[] key) {
        return Arrays.copyOf(key, key.length + 1);
    }

    private void check(byte[] key, byte[] value, Version version) {
        GetResult got = client.get(key);
        if (!got.version().equals(version) || !Arrays.equals(got.value(), value)) {
            lost.incrementAndGet();
        }
    }
}
