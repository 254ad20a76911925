package com.norikv.client;

import java.nio.charset.StandardCharsets;

/**
 * A key with its value.
 *
 * @param key the key
 * @param value the value; empty where only keys were asked for
 * @param version the version that wrote it
 */
public record Pair(byte[] key, byte[] value, Version version) {
    /**
     * The key as text.
     *
     * @return the key decoded as UTF-8
     */
    public String keyText() {
        return new String(key, StandardCharsets.UTF_8);
    }

    /**
     * The value as text.
     *
     * @return the value decoded as UTF-8
     */
    public String text() {
        return new String(value, StandardCharsets.UTF_8);
    }
}
