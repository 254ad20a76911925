package norikv

import (
	"fmt"

	pb "github.com/norikv/norikv-go/proto/norikvv1"
)

// batchParts puts the answer of a batch together from those of its attempts. A shard that could not do its part says so for each of its
// operations; the whole batch is sent again under its key, which does once what was not done and repeats what was answered. The first
// answer of an operation that another attempt would not change is kept. Of a write that an attempt may have done only an answer that looked
// at the key says what came of it.
type batchParts struct {
	operations []*pb.BatchOperation
	answer     *pb.BatchResponse // nil before the first
	unknown    []bool            // an attempt may have done it
	closed     []bool            // another attempt would not change it
}

// isOpen is true where another attempt may do better. A get that found no room in the answer never will: nobody asks to wait for it.
func isOpen(result *pb.OperationResult) bool {
	said, ok := result.GetResult().(*pb.OperationResult_Error)
	if !ok {
		return false
	}
	e := statusError(said.Error)
	return isRetriable(e.Code) && (e.Code != CodeOverloaded || e.RetryAfter > 0)
}

// take adds an attempt's answer; a failure where some operation is to be tried again. perhapsDone: an attempt before ended without an answer
// and may have been done.
func (b *batchParts) take(response *pb.BatchResponse, perhapsDone bool) *rpcFailure {
	if len(response.GetResults()) != len(b.operations) { // what it did nobody knows
		return &rpcFailure{reached: true, err: newError(CodeInternal, fmt.Sprintf(
			"the node answered %d results to %d operations", len(response.GetResults()), len(b.operations)))}
	}
	if b.answer == nil {
		b.answer, b.unknown, b.closed = &pb.BatchResponse{}, make([]bool, len(b.operations)), make([]bool, len(b.operations))
		b.answer.Results = append(b.answer.Results, response.GetResults()...)
	}
	var why *Error
	for i, result := range response.GetResults() {
		if b.closed[i] {
			continue
		}
		b.unknown[i] = b.unknown[i] || perhapsDone && b.writes(i)
		b.closed[i] = !isOpen(result)
		b.answer.Results[i] = result
		if b.closed[i] {
			if said := result.GetError(); said != nil && b.unknown[i] && b.writes(i) && !isDecided(statusError(said).Code) {
				b.answer.Results[i] = unknownOutcome(said)
			}
			continue
		}
		e := statusError(result.GetError())
		b.unknown[i] = b.unknown[i] || e.Code == CodeCommitTimeout
		if why == nil || e.RetryAfter > why.RetryAfter {
			why = e
		}
	}
	if why == nil {
		return nil
	}
	if why.Code == CodeCommitTimeout { // of one operation: unknown notes which
		why = why.with(CodeDeadlineExceeded, why.Message)
	}
	return &rpcFailure{err: why, reached: true, said: true}
}

// end is the answer where no further attempt is made: each operation that is still open has its own error.
func (b *batchParts) end(broke *Error) *pb.BatchResponse {
	for i, result := range b.answer.Results {
		switch {
		case b.closed[i]:
		case b.writes(i) && (b.unknown[i] || broke.Code == CodeCommitTimeout):
			b.answer.Results[i] = unknownOutcome(result.GetError())
		case b.unknown[i]: // a read has no outcome to be unknown
			b.answer.Results[i] = failed("no answer before the deadline")
		}
	}
	return b.answer
}

func (b *batchParts) writes(i int) bool { return b.operations[i].GetGet() == nil }

func unknownOutcome(said *pb.Status) *pb.OperationResult {
	return failed("COMMIT_TIMEOUT: the outcome is unknown: " + said.GetMessage())
}

func failed(message string) *pb.OperationResult {
	return &pb.OperationResult{Result: &pb.OperationResult_Error{Error: &pb.Status{Code: 4, Message: message}}}
}
