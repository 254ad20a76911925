package com.norikv.client;

import java.time.Duration;

/**
 * When and how often an operation is tried again within its deadline. Every write carries an idempotency key, so all may be. Waits
 * grow exponentially and are drawn at random up to the current bound (full jitter). An exhausted budget does not fail an operation:
 * its waits become the longest.
 *
 * @param attemptsMax the most attempts of one operation
 * @param backoffInitial the bound of the first wait
 * @param backoffMax the bound of all waits
 * @param backoffFactor what the bound grows by
 * @param budgetMax retries of the whole client before waits become the longest
 * @param budgetPerSuccess what a success adds to the budget
 */
public record RetryPolicy(
        int attemptsMax, Duration backoffInitial, Duration backoffMax, double backoffFactor, double budgetMax,
        double budgetPerSuccess) {
    /** 1,000 attempts, waits of 10 ms doubling to 1 s, a budget of 2,048 retries. */
    public static final RetryPolicy DEFAULT =
        new RetryPolicy(1000, Duration.ofMillis(10), Duration.ofSeconds(1), 2, 2048, 0.2);

    /** Hands the first failure to the caller. */
    public static final RetryPolicy NONE = new RetryPolicy(1, Duration.ofMillis(10), Duration.ofSeconds(1), 2, 2048, 0.2);
}
