package com.norikv.client;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The two threads of a client beside the network's: one for time, one that writes to streams. Daemons, started when needed. */
final class Threads {
    final ScheduledThreadPoolExecutor timers = new ScheduledThreadPoolExecutor(1, named("norikv-timers"));
    final ExecutorService writer = new ThreadPoolExecutor(
        1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), named("norikv-writer"), new ThreadPoolExecutor.DiscardPolicy());

    Threads() {
        timers.setRemoveOnCancelPolicy(true);
        timers.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
    }

    /** Runs the task later, not on the thread of time: what a task takes long for must not hold up a deadline. */
    void after(Runnable task, long nanos) {
        timers.schedule(() -> writer.execute(task), nanos, TimeUnit.NANOSECONDS);
    }

    void close() {
        timers.shutdownNow();
        writer.shutdownNow();
    }

    private static ThreadFactory named(String name) {
        return task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        };
    }
}
