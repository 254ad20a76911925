package com.norikv.client;

import com.norikv.proto.v1.ScanRequest;
import com.norikv.proto.v1.ScanResponse;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.Flow;

/** A scan as a publisher: each subscriber gets a scan of its own, read as far as it asks for. */
final class PairPublisher implements Flow.Publisher<Pair> {
    private final Runner runner;
    private final ScanRequest request;
    private final Duration deadline;

    PairPublisher(Runner runner, ScanRequest request, Duration deadline) {
        this.runner = runner;
        this.request = request;
        this.deadline = deadline;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super Pair> subscriber) {
        subscriber.onSubscribe(new Reading(Objects.requireNonNull(subscriber)));
    }

    private final class Reading implements Flow.Subscription {
        private final Flow.Subscriber<? super Pair> subscriber;
        private final PageReader pages = new PageReader(runner, request, deadline);
        private final Queue<Pair> page = new ArrayDeque<>(); // only of the thread that is busy
        private long wanted; // guarded by this, as all below
        private boolean busy;
        private boolean over;
        private Throwable problem;

        Reading(Flow.Subscriber<? super Pair> subscriber) {
            this.subscriber = subscriber;
            pages.closeWith(this);
        }

        @Override
        public void request(long n) {
            synchronized (this) {
                if (n <= 0) {
                    problem = new IllegalArgumentException("a request of " + n + " pairs");
                }
                wanted = wanted + n < 0 ? Long.MAX_VALUE : wanted + n;
                if (busy || over) {
                    return;
                }
                busy = true;
            }
            runner.options.executor().execute(this::give);
        }

        @Override
        public void cancel() {
            synchronized (this) {
                over = true;
            }
            pages.close();
        }

        // One at a time: whoever set busy. What is delivered here may call request or cancel.
        private void give() {
            while (true) {
                synchronized (this) {
                    if (over || (problem == null && wanted == 0)) {
                        busy = false;
                        return;
                    }
                    over = problem != null;
                }
                if (problem != null) {
                    pages.close();
                    subscriber.onError(problem);
                    return;
                }
                if (page.isEmpty()) {
                    pages.next().whenCompleteAsync(this::came, runner.options.executor());
                    return;
                }
                synchronized (this) {
                    wanted -= wanted == Long.MAX_VALUE ? 0 : 1;
                }
                subscriber.onNext(page.remove());
            }
        }

        private void came(ScanResponse next, Throwable error) {
            boolean last = next == null;
            synchronized (this) {
                if (over) {
                    return;
                }
                over = last;
            }
            if (error != null) {
                subscriber.onError(Futures.unwrap(error));
            } else if (last) {
                subscriber.onComplete();
            } else {
                page.addAll(Wire.pairs(next));
                give();
            }
        }
    }
}
