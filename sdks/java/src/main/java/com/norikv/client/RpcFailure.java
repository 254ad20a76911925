package com.norikv.client;

import com.norikv.proto.v1.Status;
import io.grpc.Metadata;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.UnknownHostException;
import java.nio.channels.UnresolvedAddressException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import javax.net.ssl.SSLHandshakeException;

/** A call or stream that did not end well. */
final class RpcFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final Metadata.Key<String> HINT = Metadata.Key.of("leader-hint", Metadata.ASCII_STRING_MARSHALLER);
    private static final Metadata.Key<String> AFTER = Metadata.Key.of("retry-after-ms", Metadata.ASCII_STRING_MARSHALLER);

    final transient NoriKVException error;
    /** False when nothing can have been done. */
    final boolean reached;
    /** The node itself answered this for the operation, on a stream that is well. */
    final boolean said;
    /** No other attempt would end otherwise: certificates do not change between attempts. */
    final boolean last;
    /** Nothing was heard in time. */
    final boolean late;

    RpcFailure(NoriKVException error, boolean reached, boolean said) {
        this(error, reached, said, false, false);
    }

    private RpcFailure(NoriKVException error, boolean reached, boolean said, boolean last, boolean late) {
        super(error.getMessage(), error, false, false);
        this.last = last;
        this.late = late;
        this.error = error;
        this.reached = reached;
        this.said = said;
    }

    static RpcFailure notReached(String message) {
        return new RpcFailure(NoriKVException.of(Code.UNAVAILABLE, message), false, false);
    }

    static RpcFailure closed() {
        return new RpcFailure(NoriKVException.of(Code.CANCELLED, "the client was closed"), true, false);
    }

    RpcFailure reached(boolean reachedToo) {
        return reachedToo == reached ? this : new RpcFailure(error, reachedToo, said, last, late);
    }

    /** INTERNAL: of the connection where a call or stream ended with it, of the operation where the node said it. */
    boolean isRetriable() {
        return error.code().isRetriable() || (error.code() == Code.INTERNAL && !said);
    }

    /** A read has no outcome to be unknown, nor has what was never sent. */
    static NoriKVException ofRead(NoriKVException e, String message) {
        return e.code() == Code.COMMIT_TIMEOUT
            ? e.with(Code.DEADLINE_EXCEEDED, message.replace("COMMIT_TIMEOUT: ", "")) : e.with(e.code(), message);
    }

    /** How a call or stream ended. */
    static RpcFailure of(io.grpc.Status status, Metadata trailers, String address) {
        Throwable cause = status.asRuntimeException(trailers);
        if (status.getCode() == io.grpc.Status.Code.UNAVAILABLE && wasNotConnected(status)) {
            boolean misfit = isMisfit(status);
            String message = misfit
                ? "TLS with " + address + " failed: " + rootMessage(status) + ". Does TlsOptions.trusting name the authority of the node's "
                    + "certificate, and is withServerName, or the dialled host, a name in it?"
                : "cannot connect to " + address + ": " + rootMessage(status);
            return new RpcFailure(NoriKVException.of(Code.UNAVAILABLE, message, null, Duration.ZERO, cause), false, false, misfit, false);
        }
        String message = messageOf(status.getCode().value(), status.getDescription());
        Code code = codeOf(status.getCode().value(), message);
        if (code == Code.CANCELLED) { // a reset that we did not ask for is the connection's end
            code = Code.UNAVAILABLE;
        }
        return new RpcFailure(
            NoriKVException.of(code, message, trailers.get(HINT), milliseconds(trailers.get(AFTER)), cause), true, false);
    }

    /**
     * How a call of its own ended. Where the node itself refused it, in words that no layer below has, that is as exact as on a stream. All
     * else may come from the connection.
     */
    static RpcFailure ofCall(io.grpc.Status status, Metadata trailers, String address, boolean stood) {
        RpcFailure failure = of(status, trailers, address);
        boolean late = status.getCode() == io.grpc.Status.Code.DEADLINE_EXCEEDED;
        if (failure.reached && !stood) { // without a connection nothing of it was sent
            return new RpcFailure(
                failure.error.with(Code.UNAVAILABLE, "no connection to " + address + ": " + failure.error.said()), false, false, false, late);
        }
        boolean refusal = failure.error.code() == Code.NOT_LEADER || failure.error.code() == Code.QUORUM_UNAVAILABLE
            || (failure.error.code() == Code.OVERLOADED && trailers.containsKey(AFTER));
        return new RpcFailure(failure.error, failure.reached, refusal && failure.reached, failure.last, late);
    }

    /** A status inside a stream or batch: the node itself said it. */
    static NoriKVException said(Status status) {
        String message = messageOf(status.getCode(), status.getMessage());
        Code code = codeOf(status.getCode(), message);
        if (code == Code.COMMIT_TIMEOUT && !message.contains("COMMIT_TIMEOUT")) {
            code = Code.DEADLINE_EXCEEDED;
        }
        String hint = status.getLeaderHint().isEmpty() ? null : status.getLeaderHint();
        long after = Math.max(0, Math.min(status.getRetryAfterMs(), Integer.MAX_VALUE));
        return NoriKVException.of(code, message, hint, Duration.ofMillis(after), null);
    }

    static Code codeOf(int status, String message) {
        return switch (status) {
            case 1 -> Code.CANCELLED;
            case 3, 11 -> Code.INVALID_ARGUMENT;
            case 4 -> Code.COMMIT_TIMEOUT; // of a call's deadline nobody knows what was done before it
            case 6 -> Code.ALREADY_EXISTS;
            case 7, 16 -> Code.PERMISSION_DENIED;
            case 8 -> Code.OVERLOADED;
            case 9 -> message.contains("Version mismatch") ? Code.VERSION_MISMATCH : Code.FAILED_PRECONDITION;
            case 12 -> Code.UNIMPLEMENTED;
            case 14 -> message.contains("NOT_LEADER") ? Code.NOT_LEADER
                : message.contains("QUORUM_UNAVAILABLE") ? Code.QUORUM_UNAVAILABLE : Code.UNAVAILABLE;
            case 15 -> Code.DATA_LOSS;
            default -> Code.INTERNAL;
        };
    }

    private static String messageOf(int status, String message) {
        return message == null || message.isEmpty() ? "gRPC status " + status : message;
    }

    // Only what a connection fails with before it stands; all else counts as reached, so that an outcome is rather called unknown
    // than wrongly "not done".
    private static boolean wasNotConnected(io.grpc.Status status) {
        for (Throwable t = status.getCause(); t != null; t = t.getCause()) {
            if (t instanceof ConnectException || t instanceof UnknownHostException || t instanceof NoRouteToHostException
                || t instanceof UnresolvedAddressException || t instanceof SSLHandshakeException) {
                return true;
            }
        }
        return false;
    }

    // A certificate that does not fit. A handshake that broke off is something else: the node may be ending.
    private static boolean isMisfit(io.grpc.Status status) {
        for (Throwable t = status.getCause(); t != null; t = t.getCause()) {
            if (t instanceof GeneralSecurityException) {
                return true;
            }
        }
        return false;
    }

    private static String rootMessage(io.grpc.Status status) {
        Throwable t = status.getCause();
        while (t.getCause() != null) {
            t = t.getCause();
        }
        return t.getMessage() == null ? status.getDescription() : t.getMessage();
    }

    private static Duration milliseconds(String text) {
        try {
            return text == null ? Duration.ZERO : Duration.ofMillis(Math.max(0, Integer.parseInt(text)));
        } catch (NumberFormatException e) {
            return Duration.ZERO;
        }
    }
}
