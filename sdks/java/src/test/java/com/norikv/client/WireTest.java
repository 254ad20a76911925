package com.norikv.client;

import static com.norikv.client.Bytes.utf8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.norikv.proto.v1.GetResponse;
import com.norikv.proto.v1.PutResponse;
import com.norikv.proto.v1.Status;
import com.norikv.proto.v1.StreamResult;
import io.grpc.Metadata;
import java.net.ConnectException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class WireTest {
    @Test
    void aTtlIsRoundedUpAndNeverSilentlyNone() {
        assertEquals(0, Wire.ttl(null));
        assertEquals(1, Wire.ttl(Duration.ofNanos(1)));
        assertEquals(2, Wire.ttl(Duration.ofNanos(1_500_000)));
        assertThrows(InvalidArgumentException.class, () -> Wire.ttl(Duration.ZERO));
    }

    @Test
    void aMissingKeyHasNoVersionAndAnEmptyValueIsAValue() {
        assertFalse(Wire.result(GetResponse.getDefaultInstance()).found());
        GetResult empty = Wire.result(GetResponse.newBuilder()
            .setVersion(com.norikv.proto.v1.Version.newBuilder().setTerm(1).setIndex(2)).build());
        assertTrue(empty.found());
        assertArrayEquals(new byte[0], empty.value());
        assertEquals("1.2", empty.version().toString());
    }

    @Test
    void versionsAreComparedAsUnsigned() {
        assertTrue(new Version(2, 1).compareTo(new Version(1, 9)) > 0);
        assertTrue(new Version(1, -1).compareTo(new Version(1, 1)) > 0);
        assertFalse(Version.NONE.isPresent());
    }

    @Test
    void statusesBecomeTheirExceptions() {
        assertInstanceOf(InvalidArgumentException.class, of(io.grpc.Status.INVALID_ARGUMENT).error);
        assertInstanceOf(OutcomeUnknownException.class, of(io.grpc.Status.DEADLINE_EXCEEDED).error);
        assertInstanceOf(AlreadyExistsException.class, of(io.grpc.Status.ALREADY_EXISTS).error);
        assertInstanceOf(OverloadedException.class, of(io.grpc.Status.RESOURCE_EXHAUSTED).error);
        assertInstanceOf(VersionMismatchException.class, of(io.grpc.Status.FAILED_PRECONDITION.withDescription("Version mismatch: x")).error);
        assertEquals(Code.FAILED_PRECONDITION, of(io.grpc.Status.FAILED_PRECONDITION.withDescription("other")).error.code());
        assertInstanceOf(NotLeaderException.class, of(io.grpc.Status.UNAVAILABLE.withDescription("NOT_LEADER")).error);
        assertInstanceOf(UnavailableException.class, of(io.grpc.Status.UNAVAILABLE.withDescription("QUORUM_UNAVAILABLE")).error);
        assertEquals(Code.UNAVAILABLE, of(io.grpc.Status.CANCELLED).error.code(), "a reset that we did not ask for");
        assertEquals(Code.INTERNAL, of(io.grpc.Status.UNKNOWN).error.code());
    }

    @Test
    void onlyAConnectionThatNeverStoodWasNotReached() {
        RpcFailure refused = of(io.grpc.Status.UNAVAILABLE.withCause(new RuntimeException(new ConnectException("refused"))));
        assertFalse(refused.reached);
        assertTrue(refused.error.getMessage().contains("here:1"));
        assertTrue(of(io.grpc.Status.UNAVAILABLE.withCause(new java.io.IOException("reset by peer"))).reached);
    }

    @Test
    void trailersSayWhoLeadsAndHowLongToWait() {
        Metadata trailers = new Metadata();
        trailers.put(Metadata.Key.of("leader-hint", Metadata.ASCII_STRING_MARSHALLER), "h:1");
        trailers.put(Metadata.Key.of("retry-after-ms", Metadata.ASCII_STRING_MARSHALLER), "50");
        NoriKVException error = RpcFailure.of(io.grpc.Status.UNAVAILABLE, trailers, "here:1").error;
        assertEquals("h:1", error.leaderHint().orElseThrow());
        assertEquals(Duration.ofMillis(50), error.retryAfter());
    }

    @Test
    void whatANodeSaysOfADeadlineIsExact() {
        assertInstanceOf(DeadlineExceededException.class, RpcFailure.said(Status.newBuilder().setCode(4).setMessage("not tried").build()));
        NoriKVException unknown = RpcFailure.said(
            Status.newBuilder().setCode(4).setMessage("COMMIT_TIMEOUT").setLeaderHint("h:1").setRetryAfterMs(50).build());
        assertInstanceOf(OutcomeUnknownException.class, unknown);
        assertEquals("h:1", unknown.leaderHint().orElseThrow());
        assertEquals(Duration.ofMillis(50), unknown.retryAfter());
    }

    @Test
    void anAnswerToAnotherWriteIsSeen() {
        assertTrue(Wire.isAnswerToAnother(StreamResult.newBuilder()
            .setPut(PutResponse.newBuilder().putMeta("idempotent_replay", "payload_differs")).build()));
        assertFalse(Wire.isAnswerToAnother(StreamResult.newBuilder()
            .setPut(PutResponse.newBuilder().putMeta("idempotent_replay", "true")).build()));
    }

    @Test
    void optionsAreJudgedTogether() {
        InvalidArgumentException e = assertThrows(
            InvalidArgumentException.class,
            () -> NoriKVClient.builder().addresses("nonsense").deadline(Duration.ZERO).inFlightMax(0).build());
        assertTrue(e.getMessage().contains("host:port") && e.getMessage().contains("deadline") && e.getMessage().contains("in flight"));
    }

    @Test
    void theHashIsThatOfTheSpecification() {
        assertEquals("17241709254077376921", Long.toUnsignedString(Hashing.xxHash64(utf8(""))));
        assertEquals("12838382303697200627", Long.toUnsignedString(Hashing.xxHash64(utf8("user:123"))));
        assertEquals(928, Hashing.shardOf(utf8("user:123"), 1024, false));
        assertEquals(Hashing.shardOf(utf8("x"), 1024, false), Hashing.shardOf(utf8("a{x}b"), 1024, true));
    }

    private static RpcFailure of(io.grpc.Status status) {
        return RpcFailure.of(status, new Metadata(), "here:1");
    }

    @Test
    void anIdempotencyKeyIsTheWholeBatchs() {
        for (Operation operation : java.util.List.of(
                Operation.put(utf8("a"), utf8("b"), o -> o.idempotencyKey("x")), Operation.delete(utf8("a"), o -> o.idempotencyKey("x")))) {
            assertThrows(InvalidArgumentException.class, () -> Wire.batch(java.util.List.of(operation), new BatchOptions(), "id"));
        }
    }
}
