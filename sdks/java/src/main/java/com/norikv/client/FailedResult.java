package com.norikv.client;

/**
 * An operation of a batch that failed by itself.
 *
 * @param error why
 */
public record FailedResult(NoriKVException error) implements OperationResult {
}
