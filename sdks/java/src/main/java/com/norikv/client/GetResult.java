package com.norikv.client;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * The answer of a get. An empty value is a value: {@code found} says whether the key exists.
 *
 * @param found whether the key exists
 * @param value its value; empty when it does not exist
 * @param version its version; {@link Version#NONE} when it does not exist
 * @param meta what the answer says about itself: {@code consistency}, {@code served_by}, {@code staleness_ms}
 */
public record GetResult(boolean found, byte[] value, Version version, Map<String, String> meta) implements OperationResult {
    /**
     * The value as text.
     *
     * @return the value decoded as UTF-8
     */
    public String text() {
        return new String(value, StandardCharsets.UTF_8);
    }
}
