package norikv

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	pb "github.com/norikv/norikv-go/proto/norikvv1"
	"google.golang.org/protobuf/encoding/protowire"
)

// Client is keys and values over the network. It is safe for concurrent use.
type Client struct {
	settings settings
	runner   *runner
	sessions sessionPool
	places   chan struct{}
}

// Connect makes a client; connections are made when first needed.
func Connect(options ...ConnectOption) (*Client, error) {
	s, err := newSettings(options)
	if err != nil {
		return nil, err
	}
	return &Client{settings: s, runner: newRunner(s), places: make(chan struct{}, s.inFlightMax)}, nil
}

// Put writes a pair; it returns once it is durable. Overwriting without a TTL removes the key's TTL.
// Options: TTL, IfMatch, IfNotExists, IdempotencyKey.
func (c *Client) Put(ctx context.Context, key, value []byte, options ...Option) (*PutResult, error) {
	o, err := collectValid(options)
	if err != nil {
		return nil, err
	}
	result, err := c.write(ctx, key, o.idempotencyKey, func(id string) (*pb.StreamCall, error) {
		put, err := putRequest(key, value, &o, id)
		return &pb.StreamCall{Call: &pb.StreamCall_Put{Put: put}}, err
	})
	if err != nil {
		return nil, err
	}
	return putResult(result.GetPut()), nil
}

// CompareAndSet writes only over the expected version; the zero version expects the key to be missing.
func (c *Client) CompareAndSet(ctx context.Context, key, value []byte, expected Version, options ...Option) (*PutResult, error) {
	condition := IfNotExists()
	if expected.IsPresent() {
		condition = IfMatch(expected)
	}
	// A copy: the caller's slice may have room behind its end, which another call may be using.
	return c.Put(ctx, key, value, append(options[:len(options):len(options)], condition)...)
}

// Get reads a key; a missing one is a result. Options: ReadConsistency, MaxStaleness.
func (c *Client) Get(ctx context.Context, key []byte, options ...Option) (*GetResult, error) {
	o, err := collectValid(options)
	if err != nil {
		return nil, err
	}
	result, err := c.read(ctx, key, &pb.StreamCall{Call: &pb.StreamCall_Get{Get: getRequest(key, &o)}})
	if err != nil {
		return nil, err
	}
	return getResult(result.GetGet()), nil
}

// GetRequired reads a key that must exist; else ErrNotFound.
func (c *Client) GetRequired(ctx context.Context, key []byte, options ...Option) (*GetResult, error) {
	result, err := c.Get(ctx, key, options...)
	if err == nil && !result.Found {
		return nil, newError(CodeNotFound, fmt.Sprintf("the key %q does not exist", key))
	}
	return result, err
}

// Delete removes a key; a missing one is no error. Options: IfMatch, IdempotencyKey.
func (c *Client) Delete(ctx context.Context, key []byte, options ...Option) (*DeleteResult, error) {
	o, err := collectValid(options)
	if err != nil {
		return nil, err
	}
	result, err := c.write(ctx, key, o.idempotencyKey, func(id string) (*pb.StreamCall, error) {
		return &pb.StreamCall{Call: &pb.StreamCall_Delete{Delete: deleteRequest(key, &o, id)}}, nil
	})
	if err != nil {
		return nil, err
	}
	return deleteResult(result.GetDelete()), nil
}

// Batch runs many operations, atomic per shard; a result or an error for each, in their order. Options: RequireAtomic, IdempotencyKey.
func (c *Client) Batch(ctx context.Context, operations []Operation, options ...Option) ([]BatchResult, error) {
	o, err := collectValid(options)
	if err != nil {
		return nil, err
	}
	var key []byte
	reads := true
	for i := range operations {
		if i == 0 {
			key = operations[i].key
		}
		reads = reads && operations[i].kind == getKind
	}
	call := func(id string) (*pb.StreamCall, error) {
		batch, err := batchRequest(operations, &o, id)
		return &pb.StreamCall{Call: &pb.StreamCall_Batch{Batch: batch}}, err
	}
	var result *pb.StreamResult
	if reads {
		var message *pb.StreamCall
		if message, err = call(""); err == nil {
			result, err = c.read(ctx, key, message)
		}
	} else {
		result, err = c.write(ctx, key, o.idempotencyKey, call)
	}
	if err != nil {
		return nil, err
	}
	return batchResults(result.GetBatch(), len(operations))
}

// Scan gives the pairs of a prefix, a range, or all, in key order; it resumes by itself when a connection breaks.
// Options: Prefix, Range, Reverse, Limit, KeysOnly, PageToken, ReadConsistency, MaxStaleness.
//
//	it := client.Scan(ctx, norikv.Prefix([]byte("user:")))
//	defer it.Close()
//	for it.Next() {
//		use(it.Pair())
//	}
//	return it.Err()
func (c *Client) Scan(ctx context.Context, options ...Option) *Iterator {
	o, err := collectValid(options)
	if err != nil {
		return &Iterator{err: err}
	}
	return &Iterator{pages: c.runner.scan(ctx, scanRequest(&o))}
}

// Iterator walks the pairs of a scan. One goroutine at a time.
type Iterator struct {
	pages *scanner
	page  []*pb.KeyValue
	pair  Pair
	err   error
}

// Next goes to the next pair; false at the end or on an error.
func (it *Iterator) Next() bool {
	for len(it.page) == 0 {
		if it.err != nil {
			return false
		}
		page, err := it.pages.next()
		if err != nil || page == nil {
			it.err = err
			return false
		}
		it.page = page.GetPairs()
	}
	m := it.page[0]
	it.page = it.page[1:]
	it.pair = Pair{m.GetKey(), m.GetValue(), versionOf(m.GetVersion())}
	return true
}

// Pair is the pair that Next went to.
func (it *Iterator) Pair() Pair { return it.pair }

// Err is what ended the scan early, if anything did.
func (it *Iterator) Err() error { return it.err }

// Close gives the scan up.
func (it *Iterator) Close() {
	if it.pages != nil {
		it.pages.close()
	}
}

// ScanPage is one page of at most Limit pairs and the token that goes on behind it, for callers that keep their place themselves.
func (c *Client) ScanPage(ctx context.Context, options ...Option) (*Page, error) {
	o, err := collectValid(options)
	if err != nil {
		return nil, err
	}
	if o.limit < 1 {
		return nil, newError(CodeInvalidArgument, "a page needs a positive limit")
	}
	pages := c.runner.scan(ctx, scanRequest(&o))
	defer pages.close()
	page := &Page{}
	for {
		part, err := pages.next()
		if err != nil {
			return nil, err
		}
		if part == nil {
			return page, nil
		}
		for _, m := range part.GetPairs() {
			page.Pairs = append(page.Pairs, Pair{m.GetKey(), m.GetValue(), versionOf(m.GetVersion())})
		}
		page.NextPageToken, page.Count = part.GetNextPageToken(), int64(part.GetCount())
	}
}

// Count says how many pairs a scan would give. Options: Prefix, Range, ReadConsistency, MaxStaleness.
func (c *Client) Count(ctx context.Context, options ...Option) (int64, error) {
	o, err := collectValid(options)
	if err != nil {
		return 0, err
	}
	request := scanRequest(&o)
	request.CountOnly = true
	pages := c.runner.scan(ctx, request)
	defer pages.close()
	var count int64
	for {
		page, err := pages.next()
		if err != nil || page == nil {
			return count, err
		}
		count = int64(page.GetCount())
	}
}

// ClusterView is the newest view of the cluster.
func (c *Client) ClusterView(ctx context.Context) (*ClusterView, error) {
	if err := endedBy(ctx); err != nil {
		return nil, err
	}
	deadline := c.runner.deadline(ctx)
	until, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var newest *ClusterView
	err := c.runner.views(until, true, func(view *ClusterView) bool {
		newest = view
		return false
	})
	if newest == nil && (err == nil || errors.Is(err, context.DeadlineExceeded)) {
		return nil, late(ctx, deadline, newError(CodeUnavailable, "no node answered at "+strings.Join(c.settings.addresses, ", ")))
	}
	return newest, err
}

// WatchCluster calls take with the current view, then with each newer one, until take answers false or the context ends; it goes on by
// itself when its node is gone.
func (c *Client) WatchCluster(ctx context.Context, take func(*ClusterView) bool) error {
	if err := endedBy(ctx); err != nil {
		return err
	}
	if take == nil {
		return newError(CodeInvalidArgument, "WatchCluster has nobody to give views to: take is nil")
	}
	return c.runner.views(ctx, true, take)
}

// IsServing is true when the node that was asked says by the standard health service that it serves.
func (c *Client) IsServing(ctx context.Context) (bool, error) {
	if err := endedBy(ctx); err != nil {
		return false, err
	}
	deadline := c.runner.deadline(ctx)
	serving := false
	err := c.runner.attempts(ctx, nil, false, deadline, func(ctx context.Context, node *nodeConnection, _ bool) (*rpcFailure, error) {
		// grpc.health.v1 by hand: its empty request is our empty message; the status is field 1, unknown to that message.
		answer := &pb.StreamRequest{}
		node.begin()
		failure := node.unary(ctx, "/grpc.health.v1.Health/Check", &pb.StreamRequest{}, answer, deadline)
		node.done(failure == nil)
		number, _, n := protowire.ConsumeTag(answer.ProtoReflect().GetUnknown())
		if n > 0 && number == 1 {
			status, _ := protowire.ConsumeVarint(answer.ProtoReflect().GetUnknown()[n:])
			serving = status == 1
		}
		return failure, givenUp(ctx)
	})
	return serving, err
}

// InFlight says how many operations are in flight.
func (c *Client) InFlight() int { return len(c.places) }

// Close closes the connections; operations in flight fail, those of writes with an unknown outcome.
func (c *Client) Close() error {
	c.runner.shutdown()
	return nil
}

func (c *Client) write(
	ctx context.Context, key []byte, idempotencyKey *string, call func(id string) (*pb.StreamCall, error),
) (*pb.StreamResult, error) {
	deadline, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer c.leave()
	if idempotencyKey != nil && *idempotencyKey != "" {
		message, err := call(*idempotencyKey)
		if err != nil {
			return nil, err
		}
		return c.runner.run(ctx, message, key, true, deadline)
	}
	release, id := c.sessions.acquire()
	defer release()
	message, err := call(id)
	if err != nil {
		return nil, err
	}
	result, err := c.runner.run(ctx, message, key, true, deadline)
	if err == nil && isAnswerToAnother(result) {
		return nil, newError(CodeInternal, "the node answered another write of the session in "+id+": this one was not done")
	}
	return result, err
}

func (c *Client) read(ctx context.Context, key []byte, call *pb.StreamCall) (*pb.StreamResult, error) {
	deadline, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer c.leave()
	return c.runner.run(ctx, call, key, false, deadline)
}

func (c *Client) enter(ctx context.Context) (time.Time, error) {
	if err := endedBy(ctx); err != nil {
		return time.Time{}, err
	}
	if c.runner.closing.Err() != nil {
		return time.Time{}, errClosed
	}
	deadline := c.runner.deadline(ctx)
	select {
	case c.places <- struct{}{}:
		return deadline, nil
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case c.places <- struct{}{}:
		return deadline, nil
	case <-c.runner.closing.Done():
		return deadline, errClosed
	case <-ctx.Done():
		if err := givenUp(ctx); err != nil {
			return deadline, err
		}
	case <-timer.C:
	}
	return deadline, late(ctx, deadline, newError(CodeDeadlineExceeded, fmt.Sprintf(
		"the deadline passed while %d operations were in flight; this one was not tried", c.settings.inFlightMax)))
}

func (c *Client) leave() { <-c.places }
