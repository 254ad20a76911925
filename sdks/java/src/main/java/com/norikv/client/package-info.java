/**
 * The Java SDK of NoriKV, a distributed key-value store. {@link com.norikv.client.NoriKVClient} is thread-safe: make one and share
 * it. Concurrent operations to one node share a pipelined stream; failures are retried within the deadline, writes under an
 * idempotency key so that each is done at most once.
 */
package com.norikv.client;
