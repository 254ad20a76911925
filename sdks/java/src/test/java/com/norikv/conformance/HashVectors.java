package com.norikv.conformance;

import com.norikv.client.Hashing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/** The SDK's own hash against the independent vectors. */
final class HashVectors {
    private HashVectors() {
    }

    static void check(Path file) throws IOException {
        Fields document = Fields.of(Json.parse(Files.readString(file)));
        check(document.list("vectors"), document.list("shard_counts"), false);
        check(document.list("hash_tags"), document.list("shard_counts"), true);
    }

    private static void check(List<Object> vectors, List<Object> counts, boolean tags) {
        for (Object one : vectors) {
            Fields vector = Fields.of(one);
            byte[] key = HexFormat.of().parseHex(vector.text("key_hex"));
            long hash = Hashing.xxHash64(tags ? Hashing.hashedPart(key) : key);
            if (!Long.toUnsignedString(hash).equals(vector.text("xxh64"))) {
                throw new Mismatch("hash of " + vector.text("key_hex"));
            }
            for (int i = 0; i < counts.size(); i++) {
                int shards = Fields.number(counts.get(i));
                if (Hashing.shardOf(key, shards, tags) != Fields.number(vector.list("shards").get(i))) {
                    throw new Mismatch("shard of " + vector.text("key_hex") + " of " + shards);
                }
            }
        }
    }
}
