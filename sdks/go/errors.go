package norikv

import (
	"context"
	"time"
)

// Code says what an operation came to, the same words in every SDK.
type Code string

// The codes.
const (
	CodeNotFound           Code = "NOT_FOUND"
	CodeVersionMismatch    Code = "VERSION_MISMATCH"
	CodeAlreadyExists      Code = "ALREADY_EXISTS"
	CodeInvalidArgument    Code = "INVALID_ARGUMENT"
	CodeFailedPrecondition Code = "FAILED_PRECONDITION"
	CodeNotLeader          Code = "NOT_LEADER"
	CodeQuorumUnavailable  Code = "QUORUM_UNAVAILABLE"
	CodeUnavailable        Code = "UNAVAILABLE"
	CodeOverloaded         Code = "OVERLOADED"
	CodeCommitTimeout      Code = "COMMIT_TIMEOUT"
	CodeDeadlineExceeded   Code = "DEADLINE_EXCEEDED"
	CodeCancelled          Code = "CANCELLED"
	CodeUnimplemented      Code = "UNIMPLEMENTED"
	CodePermissionDenied   Code = "PERMISSION_DENIED"
	CodeDataLoss           Code = "DATA_LOSS"
	CodeInternal           Code = "INTERNAL"
)

// Error is an operation that was not done, or whose outcome is unknown; Code says which.
type Error struct {
	Code    Code
	Message string
	// LeaderHint is host:port of the leader, where it is known.
	LeaderHint string
	// RetryAfter is how long the node asked to wait.
	RetryAfter time.Duration
	cause      error
	// context.DeadlineExceeded where the caller's context set the deadline that passed.
	ended error
}

// What errors.Is asks for. ErrUnavailable is also a lost quorum.
var (
	// ErrNotFound: the key is missing and the caller said that it must exist (GetRequired).
	ErrNotFound = &Error{Code: CodeNotFound, Message: "not found"}
	// ErrVersionMismatch: compare-and-set on another version or on a missing key; nothing was written.
	ErrVersionMismatch = &Error{Code: CodeVersionMismatch, Message: "version mismatch"}
	// ErrAlreadyExists: the key exists and the put asked that it does not; nothing was written.
	ErrAlreadyExists = &Error{Code: CodeAlreadyExists, Message: "already exists"}
	// ErrInvalidArgument: the request is malformed or over a limit; sending it again cannot help.
	ErrInvalidArgument = &Error{Code: CodeInvalidArgument, Message: "invalid argument"}
	// ErrNotLeader: the leader of the shard could not be reached before the deadline; the operation was not done.
	ErrNotLeader = &Error{Code: CodeNotLeader, Message: "not leader"}
	// ErrUnavailable: no node could serve the operation before the deadline; it was not done.
	ErrUnavailable = &Error{Code: CodeUnavailable, Message: "unavailable"}
	// ErrOverloaded: the server stayed at one of its bounds until the deadline; the operation was not done.
	ErrOverloaded = &Error{Code: CodeOverloaded, Message: "overloaded"}
	// ErrDeadlineExceeded: the deadline passed and the operation was not done.
	ErrDeadlineExceeded = &Error{Code: CodeDeadlineExceeded, Message: "deadline exceeded"}
	// ErrOutcomeUnknown: the deadline passed and the write may or may not have been done. Sent again with the same idempotency
	// key it is done once.
	ErrOutcomeUnknown = &Error{Code: CodeCommitTimeout, Message: "outcome unknown"}
)

func (e *Error) Error() string { return "norikv: " + string(e.Code) + ": " + e.Message }

// Unwrap is what caused it, where there is such a thing.
func (e *Error) Unwrap() error { return e.cause }

// Timeout is true where a deadline passed, as net.Error has it.
func (e *Error) Timeout() bool {
	return e.Code == CodeDeadlineExceeded || e.Code == CodeCommitTimeout || e.ended != nil
}

// Is makes errors.Is compare codes. Where the caller's context ended the operation, it is context.Canceled or
// context.DeadlineExceeded as well.
func (e *Error) Is(target error) bool {
	if e.ended != nil && target == e.ended {
		return true
	}
	other, ok := target.(*Error)
	if !ok {
		return false
	}
	return e.Code == other.Code || (other == ErrUnavailable && e.Code == CodeQuorumUnavailable)
}

// endedBy is what an operation ends with that was not tried, or of which nobody waits for the answer, because its context is over; nil
// while it is not. A nil context is a mistake.
func endedBy(ctx context.Context) error {
	if ctx == nil {
		return newError(CodeInvalidArgument, "the context is nil: context.Background() is one without an end")
	}
	switch err := ctx.Err(); err {
	case nil:
		return nil
	case context.DeadlineExceeded:
		return &Error{Code: CodeDeadlineExceeded, Message: "the context's deadline has passed", cause: err}
	default:
		return &Error{Code: CodeCancelled, Message: "the context was cancelled", cause: err}
	}
}

func newError(code Code, message string) *Error { return &Error{Code: code, Message: message} }

func (e *Error) with(code Code, message string) *Error {
	return &Error{Code: code, Message: message, LeaderHint: e.LeaderHint, RetryAfter: e.RetryAfter, cause: e}
}
