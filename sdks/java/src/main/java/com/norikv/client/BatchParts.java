package com.norikv.client;

import com.norikv.proto.v1.BatchOperation;
import com.norikv.proto.v1.BatchResponse;
import com.norikv.proto.v1.OperationResult;
import com.norikv.proto.v1.Status;
import com.norikv.proto.v1.StreamResult;
import java.util.List;

/**
 * Puts the answer of a batch together from those of its attempts. A shard that could not do its part says so for each of its operations; the
 * whole batch is sent again under its key, which does once what was not done and repeats what was answered. The first answer of an operation
 * that another attempt would not change is kept. Of a write that an attempt may have done only an answer that looked at the key says what came
 * of it. One attempt at a time.
 */
final class BatchParts {
    private static final int DEADLINE_EXCEEDED = 4;

    private final List<BatchOperation> operations;
    private final boolean[] unknown; // an attempt may have done it
    private final boolean[] closed; // another attempt would not change it
    private BatchResponse.Builder answer; // null before the first

    BatchParts(List<BatchOperation> operations) {
        this.operations = operations;
        this.unknown = new boolean[operations.size()];
        this.closed = new boolean[operations.size()];
    }

    boolean hasAnswer() {
        return answer != null;
    }

    /**
     * Adds an attempt's answer and gives what there is; throws RpcFailure where some operation is to be tried again.
     *
     * @param perhapsDone an attempt before ended without an answer and may have been done
     */
    StreamResult take(BatchResponse response, boolean perhapsDone) {
        if (response.getResultsCount() != operations.size()) { // what it did nobody knows
            throw new RpcFailure(NoriKVException.of(
                Code.INTERNAL, "the node answered " + response.getResultsCount() + " results to " + operations.size() + " operations"),
                true, false);
        }
        if (answer == null) {
            answer = response.toBuilder();
        }
        NoriKVException why = null;
        for (int i = 0; i < operations.size(); i++) {
            if (closed[i]) {
                continue;
            }
            OperationResult result = response.getResults(i);
            unknown[i] |= perhapsDone && writes(i);
            closed[i] = !isOpen(result);
            answer.setResults(i, closed[i] ? outcome(result, i) : result);
            if (closed[i]) {
                continue;
            }
            NoriKVException error = RpcFailure.said(result.getError());
            unknown[i] |= error.code() == Code.COMMIT_TIMEOUT;
            if (why == null || error.retryAfter().compareTo(why.retryAfter()) > 0) {
                why = error;
            }
        }
        if (why != null) {
            // Of one operation it may be unknown: that is noted above.
            throw new RpcFailure(why.code() == Code.COMMIT_TIMEOUT ? why.with(Code.DEADLINE_EXCEEDED, why.said()) : why, true, true);
        }
        return result();
    }

    /** The answer where no further attempt is made: each operation that is still open has its own error. */
    StreamResult end(NoriKVException broke) {
        for (int i = 0; i < operations.size(); i++) {
            if (closed[i]) {
                continue;
            }
            if (writes(i) && (unknown[i] || broke.code() == Code.COMMIT_TIMEOUT)) {
                answer.setResults(i, unknownOutcome(answer.getResults(i)));
            } else if (unknown[i]) { // a read has no outcome to be unknown
                answer.setResults(i, failed("no answer before the deadline"));
            }
        }
        return result();
    }

    private OperationResult outcome(OperationResult result, int i) {
        boolean refused = result.hasError() && !RpcFailure.said(result.getError()).code().isDecided();
        return refused && unknown[i] && writes(i) ? unknownOutcome(result) : result;
    }

    private boolean writes(int i) {
        return !operations.get(i).hasGet();
    }

    private static OperationResult unknownOutcome(OperationResult result) {
        return failed("COMMIT_TIMEOUT: the outcome is unknown: " + result.getError().getMessage());
    }

    private StreamResult result() {
        return StreamResult.newBuilder().setBatch(answer).build();
    }

    private static OperationResult failed(String message) {
        return OperationResult.newBuilder().setError(Status.newBuilder().setCode(DEADLINE_EXCEEDED).setMessage(message)).build();
    }

    // True where another attempt may do better. A get that found no room in the answer never will: nobody asks to wait for it.
    private static boolean isOpen(OperationResult result) {
        if (!result.hasError()) {
            return false;
        }
        NoriKVException error = RpcFailure.said(result.getError());
        return error.code().isRetriable() && (error.code() != Code.OVERLOADED || !error.retryAfter().isZero());
    }
}
