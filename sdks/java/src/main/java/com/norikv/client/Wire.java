package com.norikv.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import com.norikv.proto.v1.BatchOperation;
import com.norikv.proto.v1.BatchRequest;
import com.norikv.proto.v1.BatchResponse;
import com.norikv.proto.v1.DeleteRequest;
import com.norikv.proto.v1.DeleteResponse;
import com.norikv.proto.v1.GetRequest;
import com.norikv.proto.v1.GetResponse;
import com.norikv.proto.v1.KeyValue;
import com.norikv.proto.v1.PutRequest;
import com.norikv.proto.v1.PutResponse;
import com.norikv.proto.v1.ScanRequest;
import com.norikv.proto.v1.ScanResponse;
import com.norikv.proto.v1.StreamResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Between the surface's types and the messages. */
final class Wire {
    private Wire() {
    }

    static PutRequest put(byte[] key, byte[] value, PutOptions options, String idempotencyKey) {
        PutRequest.Builder put = PutRequest.newBuilder()
            .setKey(bytes(key)).setValue(bytes(value)).setTtlMs(ttl(options.ttl)).setIfNotExists(options.ifNotExists)
            .setIdempotencyKey(idempotencyKey);
        if (options.ifMatch != null) {
            put.setIfMatch(version(options.ifMatch));
        }
        return put.build();
    }

    static GetRequest get(byte[] key, GetOptions options) {
        return GetRequest.newBuilder()
            .setKey(bytes(key)).setConsistency(options.consistency.wire).setMaxStalenessMs(staleness(options.maxStaleness)).build();
    }

    static DeleteRequest delete(byte[] key, DeleteOptions options, String idempotencyKey) {
        DeleteRequest.Builder delete = DeleteRequest.newBuilder().setKey(bytes(key)).setIdempotencyKey(idempotencyKey);
        if (options.ifMatch != null) {
            delete.setIfMatch(version(options.ifMatch));
        }
        return delete.build();
    }

    static BatchRequest batch(List<Operation> operations, BatchOptions options, String idempotencyKey) {
        BatchRequest.Builder batch = BatchRequest.newBuilder()
            .setRequireAtomic(options.requireAtomic).setIdempotencyKey(idempotencyKey);
        for (Operation operation : operations) {
            BatchOperation.Builder one = batch.addOperationsBuilder();
            if (operation instanceof Operation.Put put) {
                one.setPut(put(put.key(), put.value(), put.options(), noKey(put.options().idempotencyKey)));
            } else if (operation instanceof Operation.Delete delete) {
                one.setDelete(delete(delete.key(), delete.options(), noKey(delete.options().idempotencyKey)));
            } else if (operation instanceof Operation.Get get) {
                one.setGet(get(get.key(), get.options()));
            }
        }
        return batch.build();
    }

    static ScanRequest scan(ScanOptions options) {
        if (options.limit < 0) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "limit " + options.limit + " is negative");
        }
        return ScanRequest.newBuilder()
            .setPrefix(bytes(options.prefix)).setStart(bytes(options.start)).setEnd(bytes(options.end))
            .setReverse(options.reverse).setLimit(options.limit).setPageToken(bytes(options.pageToken))
            .setKeysOnly(options.keysOnly).setConsistency(options.consistency.wire)
            .setMaxStalenessMs(staleness(options.maxStaleness)).build();
    }

    static PutResult result(PutResponse m) {
        return new PutResult(version(m.getVersion()), Map.copyOf(m.getMetaMap()));
    }

    static GetResult result(GetResponse m) {
        return new GetResult(m.hasVersion(), m.getValue().toByteArray(), version(m.getVersion()), Map.copyOf(m.getMetaMap()));
    }

    static DeleteResult result(DeleteResponse m) {
        return new DeleteResult(m.getTombstoned(), version(m.getVersion()), Map.copyOf(m.getMetaMap()));
    }

    static List<OperationResult> results(BatchResponse m, int operations) {
        if (m.getResultsCount() != operations) {
            throw NoriKVException.of(
                Code.INTERNAL, "the node answered " + m.getResultsCount() + " results to " + operations + " operations");
        }
        List<OperationResult> results = new ArrayList<>(operations);
        for (com.norikv.proto.v1.OperationResult one : m.getResultsList()) {
            results.add(switch (one.getResultCase()) {
                case PUT -> result(one.getPut());
                case GET -> result(one.getGet());
                case DELETE -> result(one.getDelete());
                case ERROR -> new FailedResult(RpcFailure.said(one.getError()));
                default -> new FailedResult(NoriKVException.of(Code.INTERNAL, "the node answered an empty result"));
            });
        }
        return List.copyOf(results);
    }

    static List<Pair> pairs(ScanResponse m) {
        List<Pair> pairs = new ArrayList<>(m.getPairsCount());
        for (KeyValue pair : m.getPairsList()) {
            pairs.add(new Pair(pair.getKey().toByteArray(), pair.getValue().toByteArray(), version(pair.getVersion())));
        }
        return pairs;
    }

    static ClusterView view(com.norikv.proto.v1.ClusterView m) {
        return new ClusterView(
            m.getEpoch(),
            m.getNodesList().stream().map(n -> new ClusterView.Node(n.getId(), n.getAddr(), n.getRole())).toList(),
            m.getShardsList().stream()
                .map(s -> new ClusterView.Shard(s.getId(), s.getReplicasList().stream()
                    .map(r -> new ClusterView.Replica(r.getNodeId(), r.getLeader())).toList()))
                .toList(),
            m.getClusterId(), m.getTotalShards(), m.getHashTags());
    }

    // The first answer under that idempotency key was to another request. Under a key that this client made that cannot be, and must
    // never pass for success.
    static boolean isAnswerToAnother(StreamResult result) {
        Map<String, String> meta = switch (result.getResultCase()) {
            case PUT -> result.getPut().getMetaMap();
            case DELETE -> result.getDelete().getMetaMap();
            case BATCH -> result.getBatch().getMetaMap();
            default -> Map.of();
        };
        return "payload_differs".equals(meta.get("idempotent_replay"));
    }

    // Rounded up: a shorter TTL than asked for would be a surprise, and 0 means none.
    static long ttl(Duration ttl) {
        if (ttl == null) {
            return 0;
        }
        if (ttl.isNegative() || ttl.isZero()) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "TTL " + ttl + " is not positive");
        }
        return ceilMs(ttl);
    }

    private static long staleness(Duration staleness) {
        if (staleness == null) {
            return 0;
        }
        if (staleness.isNegative() || staleness.isZero()) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "a staleness of " + staleness + " is not positive");
        }
        return ceilMs(staleness);
    }

    private static long ceilMs(Duration duration) {
        try {
            return duration.plusNanos(999_999).toMillis();
        } catch (ArithmeticException e) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, duration + " is too long", null, Duration.ZERO, e);
        }
    }

    private static String noKey(String idempotencyKey) {
        if (idempotencyKey != null) {
            throw NoriKVException.of(Code.INVALID_ARGUMENT, "an idempotency key is the whole batch's: give it to batch");
        }
        return "";
    }

    private static ByteString bytes(byte[] data) {
        return UnsafeByteOperations.unsafeWrap(data);
    }

    private static com.norikv.proto.v1.Version version(Version version) {
        return com.norikv.proto.v1.Version.newBuilder().setTerm(version.term()).setIndex(version.index()).build();
    }

    private static Version version(com.norikv.proto.v1.Version m) {
        return m.getTerm() == 0 && m.getIndex() == 0 ? Version.NONE : new Version(m.getTerm(), m.getIndex());
    }
}
