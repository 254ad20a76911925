package com.norikv.client;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** Exponential with full jitter; an exhausted budget slows and never fails. */
final class Backoff {
    private final RetryPolicy policy;
    private final RandomGenerator draw;
    private double budget; // guarded by this, as draw

    Backoff(RetryPolicy policy, RandomGenerator draw) {
        this.policy = policy;
        this.draw = draw;
        this.budget = policy.budgetMax();
    }

    /** Nanoseconds before the retry of that number. */
    synchronized long nextWait(int retry, Duration retryAfter) {
        double longest = policy.backoffMax().toNanos();
        double bound = Math.min(longest, policy.backoffInitial().toNanos() * Math.pow(policy.backoffFactor(), Math.min(retry, 64)));
        if (budget >= 1) {
            budget--;
        } else {
            bound = longest;
        }
        // The server's word is a floor; the jitter on top keeps a crowd from returning in one moment.
        return retryAfter.toNanos() + (long) (bound * draw.nextDouble());
    }

    synchronized void succeeded() {
        budget = Math.min(policy.budgetMax(), budget + policy.budgetPerSuccess());
    }
}
