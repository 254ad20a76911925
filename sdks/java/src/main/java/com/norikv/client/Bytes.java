package com.norikv.client;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/** Keys and values are bytes; this makes them of text. */
public final class Bytes {
    private Bytes() {
    }

    /**
     * The bytes of a text.
     *
     * @param text the text
     * @return its UTF-8
     * @throws InvalidArgumentException where the text has half of a surrogate pair, which no UTF-8 can say: replaced by a question
     *     mark, distinct keys would become the same
     */
    public static byte[] utf8(String text) {
        try {
            ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            return Arrays.copyOf(bytes.array(), bytes.limit());
        } catch (CharacterCodingException e) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "the text has half of a surrogate pair", null, Duration.ZERO, e);
        }
    }
}
