package com.norikv.client;

import java.util.Objects;
import java.util.function.Consumer;

/** One operation of a batch. */
public sealed interface Operation {
    /**
     * Writes a pair.
     *
     * @param key the key
     * @param value the value
     * @return the operation
     */
    static Operation put(byte[] key, byte[] value) {
        return put(key, value, o -> { });
    }

    /**
     * Writes a pair. An idempotency key is the whole batch's: one among these options is refused.
     *
     * @param key the key
     * @param value the value
     * @param options sets the options
     * @return the operation
     */
    static Operation put(byte[] key, byte[] value, Consumer<PutOptions> options) {
        PutOptions chosen = new PutOptions();
        options.accept(chosen);
        return new Put(Objects.requireNonNull(key, "key"), Objects.requireNonNull(value, "value"), chosen);
    }

    /**
     * Reads a key.
     *
     * @param key the key
     * @return the operation
     */
    static Operation get(byte[] key) {
        return get(key, o -> { });
    }

    /**
     * Reads a key.
     *
     * @param key the key
     * @param options sets the options
     * @return the operation
     */
    static Operation get(byte[] key, Consumer<GetOptions> options) {
        GetOptions chosen = new GetOptions();
        options.accept(chosen);
        return new Get(Objects.requireNonNull(key, "key"), chosen);
    }

    /**
     * Removes a key.
     *
     * @param key the key
     * @return the operation
     */
    static Operation delete(byte[] key) {
        return delete(key, o -> { });
    }

    /**
     * Removes a key. An idempotency key is the whole batch's: one among these options is refused.
     *
     * @param key the key
     * @param options sets the options
     * @return the operation
     */
    static Operation delete(byte[] key, Consumer<DeleteOptions> options) {
        DeleteOptions chosen = new DeleteOptions();
        options.accept(chosen);
        return new Delete(Objects.requireNonNull(key, "key"), chosen);
    }

    /**
     * The key that it is about.
     *
     * @return the key
     */
    byte[] key();

    /**
     * A put.
     *
     * @param key the key
     * @param value the value
     * @param options its options
     */
    record Put(byte[] key, byte[] value, PutOptions options) implements Operation {
    }

    /**
     * A get.
     *
     * @param key the key
     * @param options its options
     */
    record Get(byte[] key, GetOptions options) implements Operation {
    }

    /**
     * A delete.
     *
     * @param key the key
     * @param options its options
     */
    record Delete(byte[] key, DeleteOptions options) implements Operation {
    }
}
