package com.norikv.conformance;

import com.norikv.client.ClusterView;
import com.norikv.client.DeleteResult;
import com.norikv.client.FailedResult;
import com.norikv.client.GetResult;
import com.norikv.client.NoriKVException;
import com.norikv.client.OperationResult;
import com.norikv.client.Pair;
import com.norikv.client.PutResult;
import com.norikv.client.Version;
import java.util.List;
import java.util.Map;

/** What a step came to, in one form for all operations. */
final class Outcome {
    NoriKVException error;
    Version version = Version.NONE;
    boolean found;
    byte[] value = {};
    boolean tombstoned;
    Map<String, String> meta = Map.of();
    List<Pair> pairs = List.of();
    byte[] token = {};
    long count;
    List<Outcome> results = List.of();
    ClusterView view;
    boolean serving;
    boolean cancelled;
    long tookMs;

    static Outcome of(NoriKVException error) {
        Outcome outcome = new Outcome();
        outcome.error = error;
        return outcome;
    }

    static Outcome of(OperationResult result) {
        Outcome outcome = new Outcome();
        if (result instanceof PutResult put) {
            outcome.version = put.version();
            outcome.meta = put.meta();
        } else if (result instanceof GetResult get) {
            outcome.found = get.found();
            outcome.value = get.value();
            outcome.version = get.version();
            outcome.meta = get.meta();
        } else if (result instanceof DeleteResult delete) {
            outcome.tombstoned = delete.tombstoned();
            outcome.version = delete.version();
            outcome.meta = delete.meta();
        } else if (result instanceof FailedResult failed) {
            outcome.error = failed.error();
        }
        return outcome;
    }

    @Override
    public String toString() {
        return "error " + error + ", version " + version + ", found " + found + ", " + value.length + " bytes, tombstoned " + tombstoned
            + ", count " + count + ", " + pairs.size() + " pairs, " + tookMs + " ms, " + meta;
    }
}
