package com.norikv.client;

import java.time.Duration;
import java.util.Optional;

/** An operation that was not done, or whose outcome is unknown; {@link #code()} says which. */
public class NoriKVException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What it came to. */
    private final Code code;
    /** The message without the code. */
    private final String said;
    /** Null where the node named none. */
    private final String leaderHint;
    /** Zero where the node did not ask. */
    private final Duration retryAfter;

    NoriKVException(Code code, String message, String leaderHint, Duration retryAfter, Throwable cause) {
        super(code + ": " + message, cause);
        this.code = code;
        this.said = message;
        this.leaderHint = leaderHint;
        this.retryAfter = retryAfter;
    }

    static NoriKVException of(Code code, String message) {
        return of(code, message, null, Duration.ZERO, null);
    }

    static NoriKVException of(Code code, String message, String leaderHint, Duration retryAfter, Throwable cause) {
        return switch (code) {
            case NOT_FOUND -> new NotFoundException(message);
            case VERSION_MISMATCH -> new VersionMismatchException(message, leaderHint, retryAfter, cause);
            case ALREADY_EXISTS -> new AlreadyExistsException(message, leaderHint, retryAfter, cause);
            case INVALID_ARGUMENT -> new InvalidArgumentException(message, leaderHint, retryAfter, cause);
            case NOT_LEADER -> new NotLeaderException(message, leaderHint, retryAfter, cause);
            case UNAVAILABLE, QUORUM_UNAVAILABLE -> new UnavailableException(code, message, leaderHint, retryAfter, cause);
            case OVERLOADED -> new OverloadedException(message, leaderHint, retryAfter, cause);
            case DEADLINE_EXCEEDED -> new DeadlineExceededException(message, leaderHint, retryAfter, cause);
            case COMMIT_TIMEOUT -> new OutcomeUnknownException(message, leaderHint, retryAfter, cause);
            default -> new NoriKVException(code, message, leaderHint, retryAfter, cause);
        };
    }

    NoriKVException with(Code otherCode, String message) {
        return of(otherCode, message, leaderHint, retryAfter, getCause() == null ? this : getCause());
    }

    // Thrown to a caller that waited: with the stack of the caller, the one of the network thread behind it.
    NoriKVException here() {
        NoriKVException here = of(code, said, leaderHint, retryAfter, getCause());
        here.addSuppressed(this);
        return here;
    }

    /**
     * The code, the same word in every SDK.
     *
     * @return the code
     */
    public Code code() {
        return code;
    }

    /**
     * host:port of the leader, where the node named one.
     *
     * @return the hint
     */
    public Optional<String> leaderHint() {
        return Optional.ofNullable(leaderHint);
    }

    /**
     * How long the node asked to wait.
     *
     * @return the time; zero where it did not ask
     */
    public Duration retryAfter() {
        return retryAfter;
    }

    String said() {
        return said;
    }

    String hint() {
        return leaderHint;
    }
}
