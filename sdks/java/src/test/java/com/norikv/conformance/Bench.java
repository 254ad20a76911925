package com.norikv.conformance;

import com.norikv.client.Bytes;
import com.norikv.client.NoriKVClient;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Throughput, latency and CPU of puts and gets by blocking threads against the node of NORIKV_ADDR: see sdks/conformance/bench.py. */
final class Bench {
    private static final int KEYS = 10_000;
    private static final OperatingSystemMXBean SYSTEM = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

    private final NoriKVClient client;
    private final ExecutorService threads;
    private final byte[][] keys =
        IntStream.range(0, KEYS).mapToObj(i -> Bytes.utf8(String.format("bench-%010d", i))).toArray(byte[][]::new);

    private Bench(NoriKVClient client, ExecutorService threads) {
        this.client = client;
        this.threads = threads;
    }

    static void run(double seconds, double warmUp) throws InterruptedException {
        ExecutorService threads = Executors.newCachedThreadPool();
        try (NoriKVClient client = NoriKVClient.connect()) {
            new Bench(client, threads).all(seconds, warmUp);
        } finally {
            threads.shutdown();
        }
    }

    private void all(double seconds, double warmUp) throws InterruptedException {
        for (int size : new int[] {100, 100, 1024}) {
            byte[] value = new byte[size];
            Arrays.fill(value, (byte) 'v');
            together(64, worker -> {
                for (int i = worker; i < KEYS; i += 64) {
                    client.put(keys[i], value);
                }
                return LongStream.empty();
            });
            for (int concurrency : new int[] {64, 1}) {
                for (String operation : new String[] {"put", "get"}) {
                    measure(operation, value, concurrency, warmUp);
                    System.out.println(Json.write(measure(operation, value, concurrency, seconds)));
                }
            }
        }
    }

    private Map<String, Object> measure(String operation, byte[] value, int concurrency, double seconds) throws InterruptedException {
        long cpu = SYSTEM.getProcessCpuTime();
        long begun = System.nanoTime();
        long length = (long) (seconds * 1e9);
        long[] all = together(concurrency, worker -> {
            LongStream.Builder took = LongStream.builder();
            int next = worker * KEYS / concurrency;
            long after;
            for (long before = System.nanoTime(); before - begun < length; before = after) {
                byte[] key = keys[next++ % KEYS];
                if (operation.equals("put")) {
                    client.put(key, value);
                } else if (client.get(key).value().length != value.length) {
                    throw new IllegalStateException("not the value that was put");
                }
                after = System.nanoTime();
                took.add(after - before);
            }
            return took.build();
        });
        double lasted = (System.nanoTime() - begun) / 1e9;
        cpu = SYSTEM.getProcessCpuTime() - cpu;
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("operation", operation);
        row.put("value_bytes", value.length);
        row.put("concurrency", concurrency);
        row.put("operations", all.length);
        row.put("seconds", lasted);
        row.put("p50_us", all[all.length / 2] / 1e3);
        row.put("p99_us", all[(int) (all.length * 99L / 100)] / 1e3);
        row.put("cpu_us", cpu / 1e3 / all.length);
        return row;
    }

    // What all of them gave, in order.
    private long[] together(int count, IntFunction<LongStream> work) throws InterruptedException {
        List<Future<LongStream>> running = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int worker = i;
            running.add(threads.submit(() -> work.apply(worker)));
        }
        LongStream all = LongStream.empty();
        for (Future<LongStream> one : running) {
            try {
                all = LongStream.concat(all, one.get());
            } catch (ExecutionException e) {
                throw new IllegalStateException(e.getCause());
            }
        }
        return all.sorted().toArray();
    }
}
