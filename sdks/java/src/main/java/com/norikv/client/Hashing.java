package com.norikv.client;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** From key to shard: xxHash64 with seed 0, then jump consistent hash. */
public final class Hashing {
    private static final long PRIME_1 = 0x9E3779B185EBCA87L;
    private static final long PRIME_2 = 0xC2B2AE3D27D4EB4FL;
    private static final long PRIME_3 = 0x165667B19E3779F9L;
    private static final long PRIME_4 = 0x85EBCA77C2B2AE63L;
    private static final long PRIME_5 = 0x27D4EB2F165667C5L;
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private Hashing() {
    }

    /**
     * xxHash64 with seed 0, as its specification says.
     *
     * @param data the bytes
     * @return the hash, unsigned
     */
    public static long xxHash64(byte[] data) {
        int at = 0;
        long hash = PRIME_5;
        if (data.length >= 32) {
            long a = PRIME_1 + PRIME_2;
            long b = PRIME_2;
            long c = 0;
            long d = -PRIME_1;
            for (; at + 32 <= data.length; at += 32) {
                a = round(a, (long) LONGS.get(data, at));
                b = round(b, (long) LONGS.get(data, at + 8));
                c = round(c, (long) LONGS.get(data, at + 16));
                d = round(d, (long) LONGS.get(data, at + 24));
            }
            hash = Long.rotateLeft(a, 1) + Long.rotateLeft(b, 7) + Long.rotateLeft(c, 12) + Long.rotateLeft(d, 18);
            hash = (hash ^ round(0, a)) * PRIME_1 + PRIME_4;
            hash = (hash ^ round(0, b)) * PRIME_1 + PRIME_4;
            hash = (hash ^ round(0, c)) * PRIME_1 + PRIME_4;
            hash = (hash ^ round(0, d)) * PRIME_1 + PRIME_4;
        }
        hash += data.length;
        for (; at + 8 <= data.length; at += 8) {
            hash = Long.rotateLeft(hash ^ round(0, (long) LONGS.get(data, at)), 27) * PRIME_1 + PRIME_4;
        }
        if (at + 4 <= data.length) {
            long lane = Integer.toUnsignedLong((int) INTS.get(data, at));
            hash = Long.rotateLeft(hash ^ lane * PRIME_1, 23) * PRIME_2 + PRIME_3;
            at += 4;
        }
        for (; at < data.length; at++) {
            hash = Long.rotateLeft(hash ^ (data[at] & 0xFF) * PRIME_5, 11) * PRIME_1;
        }
        hash = (hash ^ hash >>> 33) * PRIME_2;
        hash = (hash ^ hash >>> 29) * PRIME_3;
        return hash ^ hash >>> 32;
    }

    /**
     * Jump consistent hash (Lamping and Veach, 2014, figure 1).
     *
     * @param key the hash of a key
     * @param buckets how many buckets, at least 1
     * @return the bucket
     */
    public static int jumpHash(long key, int buckets) {
        long bucket = -1;
        long next = 0;
        while (next < buckets) {
            bucket = next;
            key = key * 2862933555777941757L + 1;
            next = (long) ((bucket + 1) * ((double) (1L << 31) / (double) ((key >>> 33) + 1)));
        }
        return (int) bucket;
    }

    /**
     * What is hashed of a key where hash tags are on: the bytes between the first brace that opens and the first behind it that
     * closes, where there are any; else the key.
     *
     * @param key the key
     * @return the part
     */
    public static byte[] hashedPart(byte[] key) {
        int open = indexOf(key, '{', 0);
        int close = open < 0 ? -1 : indexOf(key, '}', open + 1);
        return close > open + 1 ? Arrays.copyOfRange(key, open + 1, close) : key;
    }

    /**
     * The shard of a key.
     *
     * @param key the key
     * @param totalShards how many shards the cluster has
     * @param hashTags whether the cluster was formed with hash tags
     * @return the shard's number
     */
    public static int shardOf(byte[] key, int totalShards, boolean hashTags) {
        return jumpHash(xxHash64(hashTags ? hashedPart(key) : key), totalShards);
    }

    private static long round(long accumulator, long lane) {
        return Long.rotateLeft(accumulator + lane * PRIME_2, 31) * PRIME_1;
    }

    private static int indexOf(byte[] data, char wanted, int from) {
        for (int i = from; i < data.length; i++) {
            if (data[i] == wanted) {
                return i;
            }
        }
        return -1;
    }
}
