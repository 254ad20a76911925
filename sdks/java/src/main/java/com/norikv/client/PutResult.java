package com.norikv.client;

import java.util.Map;

/**
 * The answer of a put.
 *
 * @param version the version that it wrote
 * @param meta what the answer says about itself, such as {@code idempotent_replay}
 */
public record PutResult(Version version, Map<String, String> meta) implements OperationResult {
}
