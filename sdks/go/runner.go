package norikv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	pb "github.com/norikv/norikv-go/proto/norikvv1"
	"google.golang.org/grpc"
)

// Below this there is no time for another round trip.
const leastTime = 10 * time.Millisecond

// Nodes that name each other as leaders would keep a client running in a circle: behind so many hints it waits.
const hintsAtOnceMax = 2

func isRetriable(code Code) bool {
	switch code {
	case CodeNotLeader, CodeQuorumUnavailable, CodeUnavailable, CodeOverloaded, CodeCommitTimeout, CodeDeadlineExceeded:
		return true
	}
	return false
}

// isRetriable also where the code is INTERNAL: of the connection where a call or stream ended with it, of the operation where the node said it.
func (f *rpcFailure) isRetriable() bool {
	return isRetriable(f.err.Code) || f.err.Code == CodeInternal && !f.said
}

// isDecided is true of an answer that looked at the key: it says what came of the attempts before, too.
func isDecided(code Code) bool { return code == CodeVersionMismatch || code == CodeAlreadyExists }

var errClosed = newError(CodeCancelled, "the client was closed")

// runner runs operations to their end: attempt, judge, wait, attempt again, all within one deadline.
type runner struct {
	settings settings
	router   *router
	backoff  *backoff
	closing  context.Context
	close    context.CancelFunc
	watching sync.Once
	running  sync.WaitGroup

	mu    sync.Mutex
	nodes map[string]*nodeConnection
}

func newRunner(s settings) *runner {
	r := &runner{
		settings: s, router: newRouter(s.addresses, s.clusterID), backoff: newBackoff(s.retry, time.Now().UnixNano()), nodes: map[string]*nodeConnection{},
	}
	r.closing, r.close = context.WithCancel(context.Background())
	return r
}

// deadline is the sooner of the client's and the context's.
func (r *runner) deadline(ctx context.Context) time.Time {
	deadline := time.Now().Add(r.settings.deadline)
	if sooner, ok := ctx.Deadline(); ok && sooner.Before(deadline) {
		return sooner
	}
	return deadline
}

// run answers the node's result. A context that is cancelled ends it with the context's error; a context's deadline is a deadline.
func (r *runner) run(ctx context.Context, call *pb.StreamCall, key []byte, writes bool, deadline time.Time) (*pb.StreamResult, error) {
	var result *pb.StreamResult
	var parts *batchParts
	if call.GetBatch() != nil {
		parts = &batchParts{operations: call.GetBatch().GetOperations()}
	}
	err := r.attempts(ctx, key, writes, deadline, func(ctx context.Context, node *nodeConnection, perhapsDone bool) (*rpcFailure, error) {
		o, err := node.call(ctx, call, deadline)
		if err != nil || o.failure != nil {
			return o.failure, err
		}
		if said, ok := o.result.GetResult().(*pb.StreamResult_Error); ok {
			return &rpcFailure{err: statusError(said.Error), reached: true, said: true}, nil
		}
		if o.result.GetResult() == nil {
			return &rpcFailure{err: newError(CodeInternal, node.address+" answered an empty result"), reached: true}, nil
		}
		result = o.result
		if parts != nil {
			return parts.take(result.GetBatch(), perhapsDone), nil
		}
		return nil, nil
	})
	var e *Error
	if parts == nil || parts.answer == nil || err != nil && (!errors.As(err, &e) || e.Code == CodeCancelled) {
		return result, err
	}
	if err != nil { // the operations say what came of each
		parts.end(e)
	}
	return &pb.StreamResult{Result: &pb.StreamResult_Batch{Batch: parts.answer}}, nil
}

// attempt is told the node, and whether an attempt before may have been done.
type attempt func(ctx context.Context, node *nodeConnection, perhapsDone bool) (*rpcFailure, error)

func (r *runner) attempts(ctx context.Context, key []byte, writes bool, deadline time.Time, try attempt) error {
	r.watch()
	perhapsDone, hint, followed := false, "", 0
	for number := 0; ; number++ {
		address := r.router.pick(key, number, hint)
		if why := r.router.refusal(address); why != nil {
			return conclusion(why, writes && perhapsDone, number, address)
		}
		node, err := r.node(address)
		if err != nil {
			return err
		}
		failure, err := try(ctx, node, perhapsDone)
		if err != nil {
			return err
		}
		if failure == nil {
			r.router.reached(address)
			r.backoff.succeeded()
			return nil
		}
		e := failure.err
		if !failure.reached && e.Code == CodeUnavailable {
			r.router.unreachable(address)
		}
		// What the node itself says of an operation is exact; of a call or stream that broke nobody knows.
		retriable := failure.isRetriable()
		if failure.said {
			perhapsDone = perhapsDone || e.Code == CodeCommitTimeout
		} else {
			perhapsDone = perhapsDone || failure.reached && retriable
		}
		if isForeign(e) { // refused before it was looked at; another node may be of our cluster
			r.router.noteForeign(address, e)
			hint = ""
			continue
		}
		if !retriable || failure.final {
			return conclusion(e, writes && perhapsDone, number+1, address)
		}
		if e.LeaderHint != "" && e.LeaderHint != hint {
			followed++
		} else {
			followed = 0
		}
		wait, more := r.nextWait(number, e, followed > 0 && followed <= hintsAtOnceMax, deadline)
		if wait > 0 {
			followed = 0
		}
		if number+1 >= r.settings.retry.AttemptsMax {
			return final(e, writes && perhapsDone, number+1, address)
		}
		if !more {
			return late(ctx, deadline, final(e, writes && perhapsDone, number+1, address))
		}
		hint = e.LeaderHint
		if err := r.sleep(ctx, wait); err != nil {
			return err
		}
		// A busy machine may sleep past the deadline: an attempt begun then could only make unknown what is known.
		if time.Until(deadline) <= 0 {
			return late(ctx, deadline, final(e, writes && perhapsDone, number+1, address))
		}
	}
}

// nextWait: false when no further attempt fits before the deadline.
func (r *runner) nextWait(attempt int, e *Error, atOnce bool, deadline time.Time) (time.Duration, bool) {
	var wait time.Duration
	// A fresh hint is followed at once; the same one again means that the cluster is still deciding.
	if !atOnce {
		wait = r.backoff.nextWait(attempt, e.RetryAfter)
	}
	left := time.Until(deadline)
	if left < leastTime || e.RetryAfter > left {
		return 0, false
	}
	// A long wait near the end is halved, so that the last moments are used and not slept through.
	if wait > left/2 {
		wait = left / 2
	}
	return wait, true
}

// givenUp is an error when the caller cancelled. A deadline that passed is judged by the runner, which knows whether an outcome is unknown.
func givenUp(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return endedBy(ctx)
	}
	return nil
}

// late says of an operation whose deadline passed that it was the caller's context that set it, where that is so: it ends as Go programs
// expect of a context, and what went wrong before is in the message. Where the outcome is unknown, or a node asked to wait longer, that says more.
func late(ctx context.Context, deadline time.Time, e *Error) *Error {
	if own, ok := ctx.Deadline(); !ok || own.After(deadline) || time.Until(own) > leastTime {
		return e
	}
	if e.Code != CodeCommitTimeout {
		e = e.with(CodeDeadlineExceeded, "the context's deadline has passed: "+e.Message)
	}
	e.ended = context.DeadlineExceeded
	return e
}

// conclusion is what an operation ends with that is not tried again. Where an attempt before may have been done, only an answer that
// looked at the key says what came of it: a refusal, or a node of another cluster, knows nothing of that attempt. CANCELLED leaves it
// open by itself.
func conclusion(e *Error, unknown bool, attempts int, address string) *Error {
	if !unknown || isDecided(e.Code) || e.Code == CodeCancelled {
		return e
	}
	return final(e, true, attempts, address)
}

func final(e *Error, unknown bool, attempts int, address string) *Error {
	plural := "s"
	if attempts == 1 {
		plural = ""
	}
	tried := fmt.Sprintf("(after %d attempt%s, last at %s)", attempts, plural, address)
	if unknown {
		return e.with(CodeCommitTimeout, "COMMIT_TIMEOUT: the outcome is unknown "+tried+": "+e.Message)
	}
	return ofRead(e, e.Message+" "+tried)
}

// ofRead: a read has no outcome to be unknown, nor has what was never sent.
func ofRead(e *Error, message string) *Error {
	if e.Code != CodeCommitTimeout {
		return e.with(e.Code, message)
	}
	return e.with(CodeDeadlineExceeded, strings.ReplaceAll(message, "COMMIT_TIMEOUT: ", ""))
}

func (r *runner) sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return givenUp(ctx)
	case <-r.closing.Done():
		return errClosed
	}
}

func (r *runner) node(address string) (*nodeConnection, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing.Err() != nil {
		return nil, errClosed
	}
	node := r.nodes[address]
	if node == nil {
		var err error
		if node, err = dial(address, &r.settings, r.router, r.silent); err != nil {
			return nil, err
		}
		r.nodes[address] = node
	}
	return node, nil
}

// silent ends a connection whose node says nothing: its calls go elsewhere, and the next one to it makes a connection of its own.
func (r *runner) silent(node *nodeConnection) {
	r.router.silent(node.address)
	r.mu.Lock()
	if r.nodes[node.address] == node {
		delete(r.nodes, node.address)
	}
	r.mu.Unlock()
	node.end(newError(CodeUnavailable, fmt.Sprintf("%s said nothing for %v while calls waited", node.address, 2*r.settings.silenceMax)))
}

// scanner reads the pages of a scan, each once; after a failure it goes on behind the last page that came. The deadline counts from
// page to page, not over the whole scan.
type scanner struct {
	r        *runner
	ctx      context.Context
	request  *pb.ScanRequest
	limit    uint64
	received uint64
	failures int
	deadline time.Time
	stream   grpc.ClientStream
	cancel   context.CancelFunc
	node     *nodeConnection
	address  string
	over     bool
}

func (r *runner) scan(ctx context.Context, request *pb.ScanRequest) *scanner {
	r.watch()
	return &scanner{r: r, ctx: ctx, request: request, limit: request.Limit}
}

// next is the next page; nil at the end.
func (s *scanner) next() (*pb.ScanResponse, error) {
	if s.over {
		return nil, nil
	}
	if err := endedBy(s.ctx); err != nil {
		s.close()
		return nil, err
	}
	// From here: what the caller does between two pages is the caller's time.
	s.deadline = s.r.deadline(s.ctx)
	for !s.over {
		page, failure, err := s.read()
		if err != nil {
			return nil, err
		}
		if failure == nil {
			if page == nil {
				break
			}
			s.failures = 0
			s.r.backoff.succeeded()
			s.r.router.reached(s.address)
			s.request.PageToken = page.NextPageToken
			s.received += uint64(len(page.Pairs))
			// A page without a token, or that fills the limit, is the last: a failure behind it loses nothing.
			s.over = len(page.NextPageToken) == 0 || (s.limit > 0 && s.received >= s.limit)
			return page, nil
		}
		s.drop()
		if err := s.retry(failure); err != nil {
			return nil, err
		}
	}
	s.close()
	return nil, nil
}

func (s *scanner) close() {
	s.over = true
	s.drop()
}

func (s *scanner) drop() {
	if s.cancel != nil {
		s.cancel()
	}
	s.stream, s.cancel = nil, nil
}

func (s *scanner) read() (*pb.ScanResponse, *rpcFailure, error) {
	if s.stream == nil {
		s.address = s.r.router.pick(nil, s.failures, "")
		if err := s.r.router.refusal(s.address); err != nil {
			return nil, nil, err
		}
		node, err := s.r.node(s.address)
		if err != nil {
			return nil, nil, err
		}
		s.node = node
		if s.limit > 0 && !s.request.CountOnly {
			s.request.Limit = s.limit - s.received // a limit is a call's: go on with the rest
		}
		var ctx context.Context
		ctx, s.cancel = context.WithCancel(s.ctx)
		stop := time.AfterFunc(time.Until(s.deadline), s.cancel)
		stream, failure := node.serverStream(ctx, "/norikv.v1.Kv/Scan", s.request)
		stop.Stop()
		if failure != nil {
			return nil, failure, s.userError()
		}
		s.stream = stream
	}
	page := &pb.ScanResponse{}
	stop := time.AfterFunc(time.Until(s.deadline), s.cancel)
	s.node.begin()
	err := s.stream.RecvMsg(page)
	late := !stop.Stop()
	s.node.done(!late)
	switch {
	case err == nil:
		return page, nil, nil
	case errors.Is(err, io.EOF):
		return nil, nil, nil
	case late:
		e := newError(CodeCommitTimeout, "no page of the scan came in time")
		return nil, &rpcFailure{err: e, reached: true}, s.userError()
	}
	return nil, failureOf(err, s.stream.Trailer(), s.address), s.userError()
}

// userError is the context's, when the caller gave up.
func (s *scanner) userError() error {
	err := givenUp(s.ctx)
	if err != nil {
		s.drop()
	}
	return err
}

func (s *scanner) retry(failure *rpcFailure) error {
	e := failure.err
	if isForeign(e) {
		s.r.router.noteForeign(s.address, e)
		return nil
	}
	if !failure.reached && e.Code == CodeUnavailable {
		s.r.router.unreachable(s.address)
	}
	wait, more := s.r.nextWait(s.failures, e, false, s.deadline)
	s.failures++
	again := !failure.final && failure.isRetriable() && s.failures < s.r.settings.retry.AttemptsMax
	if e.Code == CodeCommitTimeout {
		e = ofRead(e, e.Message)
	}
	if !again || !more {
		s.over = true
		if failure.isRetriable() && !more {
			return late(s.ctx, s.deadline, e)
		}
		return e
	}
	if err := s.r.sleep(s.ctx, wait); err != nil {
		return err
	}
	if time.Until(s.deadline) <= 0 { // a busy machine may sleep past it
		s.over = true
		return late(s.ctx, s.deadline, e)
	}
	return nil
}

// views calls with each view as it comes, none older than the one before and none of another cluster; until it answers false, an
// error, or a refusal. With refuses it ends with an error where only nodes of another cluster are left.
func (r *runner) views(ctx context.Context, refuses bool, take func(*ClusterView) bool) error {
	var last *ClusterView
	for failures := 0; ; failures++ {
		address := r.router.pick(nil, 1, "")
		if err := r.router.refusal(address); refuses && err != nil {
			return err
		}
		more, failure, err := r.viewsOf(ctx, address, &last, &failures, take)
		if err != nil || !more {
			return err
		}
		if failure != nil {
			if !failure.reached {
				r.router.unreachable(address)
			}
			if !failure.isRetriable() || refuses && failure.final {
				return failure.err
			}
		}
		if err := r.sleep(ctx, r.backoff.nextWait(failures, 0)); err != nil {
			return err
		}
		if err := endedBy(ctx); err != nil {
			return err
		}
	}
}

func (r *runner) viewsOf(
	ctx context.Context, address string, last **ClusterView, failures *int, take func(*ClusterView) bool,
) (bool, *rpcFailure, error) {
	node, err := r.node(address)
	if err != nil {
		return false, nil, err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	// A node says its view at once: until then it is waited for. How long the next one takes is nobody's to know.
	node.begin()
	waits := true
	heard := func(said bool) {
		if waits {
			node.done(said)
		}
		waits = false
	}
	defer heard(false)
	stream, failure := node.serverStream(inner, "/norikv.v1.Meta/WatchCluster", &pb.ClusterView{})
	for failure == nil {
		message := &pb.ClusterView{}
		err := stream.RecvMsg(message)
		heard(err == nil)
		if errors.Is(err, io.EOF) {
			return true, nil, nil
		} else if err != nil {
			failure = failureOf(err, stream.Trailer(), address)
			break
		}
		if !r.router.accepts(message.ClusterId, address) {
			return true, nil, nil
		}
		*failures = 0
		r.router.reached(address)
		if *last != nil && message.Epoch <= (*last).Epoch {
			continue
		}
		*last = viewOf(message)
		if !take(*last) {
			return false, nil, nil
		}
	}
	if err := endedBy(ctx); err != nil {
		return false, nil, err
	}
	return true, failure, nil
}

func (r *runner) watch() {
	if !r.settings.smartRouting {
		return
	}
	r.watching.Do(func() {
		r.running.Add(1)
		go func() {
			defer r.running.Done()
			// Refused or closed: without a view any node takes any request.
			_ = r.views(r.closing, false, func(view *ClusterView) bool {
				r.router.update(newRoutingTable(view))
				r.prune()
				return true
			})
		}()
	})
}

func (r *runner) prune() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.nodes) <= r.settings.nodesMax {
		return
	}
	for address, node := range r.nodes {
		if !r.router.knows(address) {
			delete(r.nodes, address)
			node.end(newError(CodeUnavailable, address+" is not a node of the cluster any more"))
		}
	}
}

func (r *runner) shutdown() {
	r.close()
	r.mu.Lock()
	nodes := r.nodes
	r.nodes = map[string]*nodeConnection{}
	r.mu.Unlock()
	for _, node := range nodes {
		node.close()
	}
	r.running.Wait()
}
