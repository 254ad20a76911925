package com.norikv.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;

/** What a client was built with, judged. */
record ClientOptions(
        List<String> addresses, Duration deadline, RetryPolicy retry, TlsOptions tls, String clusterId, Duration silenceMax,
        boolean smartRouting, int inFlightMax, int messageBytesMax, int inboundMessageBytesMax, Duration keepAlive, Duration connectTimeout,
        int nodesMax, Executor executor) {
    ClientOptions {
        addresses = List.copyOf(addresses);
        List<String> problems = new ArrayList<>();
        want(problems, !addresses.isEmpty(), "name at least one node as host:port");
        for (String address : addresses) {
            want(problems, Addresses.isAddress(address), "address \"" + address + "\" is not host:port");
        }
        want(problems, isPositive(deadline), "the deadline must be positive");
        want(problems, silenceMax.compareTo(Duration.ofMillis(100)) >= 0, "silenceMax must be at least 100 ms");
        want(problems, !"".equals(clusterId), "clusterId must not be empty");
        want(problems, inFlightMax >= 1, "at least 1 operation must fit in flight");
        want(problems, messageBytesMax >= 1024 && messageBytesMax <= 2 << 20, "messageBytesMax must be 1 KiB to 2 MiB");
        want(problems, inboundMessageBytesMax >= 4 << 20, "inboundMessageBytesMax must be at least 4 MiB");
        want(problems, keepAlive.compareTo(Duration.ofSeconds(1)) >= 0, "keepAlive must be at least 1 s");
        want(problems, isPositive(connectTimeout), "connectTimeout must be positive");
        want(problems, nodesMax >= 1, "nodesMax must be at least 1");
        want(problems, retry.attemptsMax() >= 1 && isPositive(retry.backoffInitial()) && retry.backoffFactor() >= 1,
            "retry: attemptsMax at least 1, backoffInitial positive, backoffFactor at least 1");
        want(problems, retry.backoffMax().compareTo(retry.backoffInitial()) >= 0,
            "retry: backoffMax must be at least backoffInitial");
        if (!problems.isEmpty()) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, String.join("; ", problems));
        }
    }

    private static boolean isPositive(Duration duration) {
        return !duration.isNegative() && !duration.isZero();
    }

    private static void want(List<String> problems, boolean holds, String problem) {
        if (!holds) {
            problems.add(problem);
        }
    }
}
