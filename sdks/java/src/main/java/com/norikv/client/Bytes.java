package com.norikv.client;

import java.nio.charset.StandardCharsets;

/** Keys and values are bytes; this makes them of text. */
public final class Bytes {
    private Bytes() {
    }

    /**
     * The bytes of a text.
     *
     * @param text the text
     * @return its UTF-8
     */
    public static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
