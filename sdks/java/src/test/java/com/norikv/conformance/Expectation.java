package com.norikv.conformance;

import com.norikv.client.ClusterView;
import com.norikv.client.NoriKVException;
import com.norikv.client.Version;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Compares what a step came to with what it should. */
record Expectation(Data data, Map<String, Object> saved) {
    void check(Outcome outcome, Fields expect, String i) {
        if (outcome.error != null && !expect.has("error")) {
            throw outcome.error;
        }
        expect.map().forEach((name, value) -> {
            if (!holds(outcome, name, value, i)) {
                throw new Mismatch("expected " + name + " " + Json.write(value) + ", got " + outcome);
            }
        });
    }

    Version version(Object name) {
        return (Version) saved.get(((String) name).substring(1));
    }

    static boolean names(Object codes, NoriKVException error) {
        return codes instanceof List<?> list ? list.contains(error.code().name()) : error.code().name().equals(codes);
    }

    private boolean holds(Outcome o, String name, Object value, String i) {
        return switch (name) {
            case "error" -> o.error != null && names(value, o.error);
            case "message" -> o.error != null && o.error.getMessage().contains((String) value);
            case "without" -> o.error != null && !o.error.getMessage().contains((String) value);
            case "found" -> value.equals(o.found);
            case "value" -> (value instanceof List<?> list ? list : List.of(value)).stream()
                .anyMatch(form -> Arrays.equals(o.value, data.bytes(form, i)));
            case "size" -> o.value.length == Fields.number(value);
            case "version" -> o.version.equals(version(value));
            case "newer_than" -> o.version.compareTo(version(value)) > 0;
            case "tombstoned" -> value.equals(o.tombstoned);
            case "meta" -> Fields.of(value).map().entrySet().stream().allMatch(wanted -> {
                String got = o.meta.getOrDefault(wanted.getKey(), "");
                return wanted.getValue().equals(true) ? !got.isEmpty() : wanted.getValue().equals(got);
            });
            case "keys" -> equal(data.keys(value), o.pairs.stream().map(p -> p.key()).toList());
            case "values" -> equal(
                ((List<?>) value).stream().map(form -> data.bytes(form, i)).toList(), o.pairs.stream().map(p -> p.value()).toList());
            case "bytes" -> o.pairs.stream().mapToInt(p -> p.value().length).sum() == Fields.number(value);
            case "more" -> value.equals(o.token.length > 0);
            case "count" -> o.count == Fields.number(value);
            case "results" -> resultsHold(o, (List<?>) value, i);
            case "result_errors" -> errorCounts(o).equals(wantedCounts(Fields.of(value)));
            case "cancelled" -> value.equals(o.cancelled);
            case "serving" -> value.equals(o.serving);
            case "epoch_at_least" -> o.view.epoch() >= Fields.number(value);
            case "total_shards" -> o.view.totalShards() == Fields.number(value) && o.view.shards().size() == Fields.number(value);
            case "every_shard_led" -> value.equals(everyShardLed(o.view));
            case "after_ms" -> o.tookMs >= Fields.number(value);
            case "within_ms" -> o.tookMs <= Fields.number(value);
            default -> throw new Mismatch("the runner does not know the expectation " + name);
        };
    }

    private boolean resultsHold(Outcome o, List<?> wanted, String i) {
        for (int n = 0; n < Math.min(wanted.size(), o.results.size()); n++) {
            check(o.results.get(n), Fields.of(wanted.get(n)), i);
        }
        return wanted.size() == o.results.size();
    }

    private static Map<String, Integer> errorCounts(Outcome o) {
        Map<String, Integer> counts = new HashMap<>();
        o.results.stream().filter(one -> one.error != null).forEach(one -> counts.merge(one.error.code().name(), 1, Integer::sum));
        return counts;
    }

    private static Map<String, Integer> wantedCounts(Fields wanted) {
        Map<String, Integer> counts = new HashMap<>();
        wanted.map().keySet().forEach(code -> counts.put(code, wanted.number(code)));
        return counts;
    }

    private static boolean equal(List<byte[]> wanted, List<byte[]> got) {
        return Arrays.deepEquals(wanted.toArray(), got.toArray());
    }

    static boolean everyShardLed(ClusterView view) {
        Map<String, String> addresses = new HashMap<>();
        view.nodes().forEach(node -> addresses.put(node.id(), node.address()));
        return !view.shards().isEmpty() && view.shards().stream().allMatch(shard -> shard.replicas().stream()
            .filter(replica -> replica.leader())
            .filter(replica -> {
                String address = addresses.getOrDefault(replica.nodeId(), "");
                return address.contains(":") && !address.startsWith("0.0.0.0");
            })
            .count() == 1);
    }
}
