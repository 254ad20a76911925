package com.norikv.client;

import java.util.Map;

/**
 * The answer of a delete.
 *
 * @param tombstoned whether the key existed
 * @param version the version of the tombstone
 * @param meta what the answer says about itself
 */
public record DeleteResult(boolean tombstoned, Version version, Map<String, String> meta) implements OperationResult {
}
