package norikv

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	pb "github.com/norikv/norikv-go/proto/norikvv1"
	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A message near the node's inbound limit would end a shared stream and all calls on it: it goes alone.
const sharedCallBytesMax = 1 << 20

// More than any node takes; grpc would refuse it with a status that looks as if the node had too much to do.
const callBytesMax = 64 << 20

// What a call costs beside its key and value: tags, lengths, id, timeout, idempotency key, version.
const overheadBytes = 160

var notConnected = regexp.MustCompile(`(?i)error while dialing|all subconns are in|name resolver error|no such host|handshake failed`)

// rpcFailure is a call or stream that did not end well.
type rpcFailure struct {
	err     *Error
	reached bool // false when nothing can have been done
	said    bool // the node itself answered this for the operation, on a stream that is well
	final   bool // no other attempt would end otherwise: certificates do not change between attempts
	late    bool // nothing was heard in time
}

// isRefusal is true where the node itself refused a call of its own, whose words no layer below has: what it says there is as exact as on
// a stream. All else that a call ends with may come from the connection.
func isRefusal(code Code, trailer metadata.MD) bool {
	return code == CodeNotLeader || code == CodeQuorumUnavailable || code == CodeOverloaded && len(trailer.Get("retry-after-ms")) > 0
}

func failureOf(err error, trailer metadata.MD, address string) *rpcFailure {
	s := status.Convert(err)
	if s.Code() == codes.Unavailable && notConnected.MatchString(s.Message()) {
		e := newError(CodeUnavailable, "cannot connect to "+address+": "+s.Message())
		// A handshake that broke off is something else: the node may be ending.
		misfit := strings.Contains(s.Message(), "x509: ")
		if misfit {
			e.Message = "TLS with " + address + " failed: " + s.Message() + ". Does the RootCAs of WithTLS hold the authority of the node's " +
				"certificate, and is its ServerName, or the dialled host, a name in it?"
		}
		e.cause = err
		return &rpcFailure{err: e, final: misfit}
	}
	e := grpcError(uint32(s.Code()), s.Message())
	e.cause = err
	if hints := trailer.Get("leader-hint"); len(hints) > 0 {
		e.LeaderHint = hints[0]
	}
	if waits := trailer.Get("retry-after-ms"); len(waits) > 0 {
		if ms, err := strconv.ParseInt(waits[0], 10, 32); err == nil && ms > 0 {
			e.RetryAfter = time.Duration(ms) * time.Millisecond
		}
	}
	if e.Code == CodeCancelled { // a reset that we did not ask for is the connection's end
		e.Code = CodeUnavailable
	}
	return &rpcFailure{err: e, reached: true}
}

type outcome struct {
	result  *pb.StreamResult
	failure *rpcFailure
}

// pendingCall is one attempt on a stream: settled once, by its answer or by what went wrong.
type pendingCall struct {
	message  *pb.StreamCall
	bytes    int
	deadline time.Time
	sent     bool // set before its bytes are handed over: from here on it may have been done
	done     chan outcome
}

// callStream is one Kv.Stream: a writer that gathers what waits into messages, a reader that settles what comes back.
type callStream struct {
	stream  grpc.ClientStream
	cancel  context.CancelFunc
	address string
	cluster string // which one the node was told that the calls are for; empty for whichever it is of
	max     int
	wake    chan struct{}
	ended   chan struct{}
	encode  sync.Mutex // held while keys and values are read: what an operation was given is its caller's again when it is over

	mu      sync.Mutex // guards what follows, and sent of the pending calls
	pending map[uint64]*pendingCall
	waiting []*pendingCall
	lastID  uint64
	open    bool
}

func newCallStream(stream grpc.ClientStream, cancel context.CancelFunc, address, cluster string, max int) *callStream {
	s := &callStream{
		stream: stream, cancel: cancel, address: address, cluster: cluster, max: max, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		pending: map[uint64]*pendingCall{}, open: true,
	}
	go s.writeAll()
	go s.readAll()
	return s
}

// call takes a call; false when the stream is over and the call was not taken.
func (s *callStream) call(ctx context.Context, p *pendingCall) (outcome, bool, error) {
	s.mu.Lock()
	if !s.open {
		s.mu.Unlock()
		return outcome{}, false, nil
	}
	s.lastID++
	p.message.Id = s.lastID
	s.pending[p.message.Id] = p
	s.waiting = append(s.waiting, p)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	timer := time.NewTimer(time.Until(p.deadline))
	defer timer.Stop()
	select {
	case o := <-p.done:
		if o.result == nil {
			s.letGo()
		}
		return o, true, nil
	case <-timer.C:
	case <-ctx.Done():
	}
	sent := s.forget(p)
	s.letGo()
	e := newError(CodeCommitTimeout, "no answer before the deadline")
	return outcome{failure: &rpcFailure{err: e, reached: sent}}, true, givenUp(ctx)
}

func (s *callStream) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// endWhenIdle lets a stream that takes no new call answer those it has.
func (s *callStream) endWhenIdle() {
	for {
		s.mu.Lock()
		idle := !s.open || len(s.pending) == 0
		s.mu.Unlock()
		if idle {
			s.fail(&rpcFailure{err: newError(CodeUnavailable, "the stream was replaced"), reached: true})
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// forget drops a call whose caller gave up and says whether it was sent.
func (s *callStream) forget(p *pendingCall) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, p.message.Id)
	return p.sent
}

// letGo returns once nothing reads the keys and values of a call that is not pending any more.
func (s *callStream) letGo() {
	s.encode.Lock()
	//lint:ignore SA2001 waiting for whoever holds it is all that is wanted
	s.encode.Unlock()
}

func (s *callStream) writeAll() {
	for {
		select {
		case <-s.wake:
		case <-s.ended:
			return
		}
		for {
			message, err := s.next()
			if err != nil {
				s.fail(&rpcFailure{err: newError(CodeInternal, "a message could not be written: "+err.Error()), reached: true})
				return
			}
			if message == nil {
				break
			}
			if s.stream.SendMsg(message) != nil {
				return // the stream is over: the reader learns why
			}
		}
	}
}

// next is what waits as one message, in bytes already: sending it may take long. Nil where nothing waits.
func (s *callStream) next() (*grpc.PreparedMsg, error) {
	s.encode.Lock()
	defer s.encode.Unlock()
	request := s.gather()
	if request == nil {
		return nil, nil
	}
	message := &grpc.PreparedMsg{}
	return message, message.Encode(s.stream, request)
}

func (s *callStream) gather() *pb.StreamRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, size := &pb.StreamRequest{}, 0
	for len(s.waiting) > 0 && (size == 0 || size+s.waiting[0].bytes <= s.max) {
		p := s.waiting[0]
		s.waiting[0] = nil
		s.waiting = s.waiting[1:]
		if s.pending[p.message.Id] != p {
			continue // given up meanwhile
		}
		left := time.Until(p.deadline).Milliseconds() + 1
		if left < 1 {
			left = 1
		} else if left > 0x7FFFFFFF {
			left = 0x7FFFFFFF
		}
		p.message.TimeoutMs = uint32(left)
		p.sent = true
		size += p.bytes
		request.Calls = append(request.Calls, p.message)
	}
	if size == 0 {
		return nil
	}
	return request
}

func (s *callStream) readAll() {
	for {
		response := &pb.StreamResponse{}
		if err := s.stream.RecvMsg(response); err != nil {
			s.fail(failureOf(err, s.stream.Trailer(), s.address))
			return
		}
		s.mu.Lock()
		for _, result := range response.GetResults() {
			if p := s.pending[result.GetId()]; p != nil {
				delete(s.pending, result.GetId())
				p.done <- outcome{result: result}
			}
		}
		s.mu.Unlock()
	}
}

func (s *callStream) fail(failure *rpcFailure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return
	}
	s.open = false
	for id, p := range s.pending {
		delete(s.pending, id)
		p.done <- outcome{failure: &rpcFailure{err: failure.err, reached: failure.reached && p.sent, final: failure.final}}
	}
	s.waiting = nil
	s.cancel()
	close(s.ended)
}

// nodeConnection is the channel of one node and its stream, opened when first used and again after a failure. A node that says
// nothing while calls wait is asked for its health; without an answer silent is told, who ends the connection.
type nodeConnection struct {
	address  string
	settings *settings
	router   *router
	silent   func(*nodeConnection)
	channel  *grpc.ClientConn

	mu        sync.Mutex
	stream    *callStream
	opening   *opening
	ended     *Error
	waiting   int       // calls that wait for the node
	heardAt   time.Time // when one of them was answered last, or the first of them began
	listening bool
}

func dial(address string, s *settings, router *router, silent func(*nodeConnection)) (*nodeConnection, error) {
	options := []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(s.inboundBytesMax), grpc.MaxCallSendMsgSize(callBytesMax)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: s.keepAlive, Timeout: 10 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           grpcbackoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: s.connectTimeout,
		}),
		grpc.WithDisableRetry(), // the client retries, within its deadline and under its keys
		grpc.WithNoProxy(),
		grpc.WithUserAgent("norikv-go/0.1.0"),
	}
	if s.tls != nil {
		options = append(options, grpc.WithTransportCredentials(credentials.NewTLS(s.tls)))
	} else {
		options = append(options, grpc.WithInsecure())
	}
	channel, err := grpc.Dial(address, options...)
	if err != nil {
		return nil, newError(CodeUnavailable, "cannot connect to "+address+": "+err.Error())
	}
	return &nodeConnection{address: address, settings: s, router: router, silent: silent, channel: channel}, nil
}

// begin says that something waits for the node from here on, until done.
func (n *nodeConnection) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting == 0 {
		n.heardAt = time.Now()
	}
	n.waiting++
	if !n.listening && n.ended == nil {
		n.listening = true
		go n.listen()
	}
}

// done says that it waits no more; heard that the node answered.
func (n *nodeConnection) done(heard bool) {
	n.mu.Lock()
	n.waiting--
	if heard {
		n.heardAt = time.Now()
	}
	n.mu.Unlock()
}

func (n *nodeConnection) listen() {
	ticker := time.NewTicker(n.settings.silenceMax / 4)
	defer ticker.Stop()
	for range ticker.C {
		n.mu.Lock()
		if n.waiting == 0 || n.ended != nil {
			n.listening = false
			n.mu.Unlock()
			return
		}
		silent := time.Since(n.heardAt) >= n.settings.silenceMax
		n.mu.Unlock()
		if !silent {
			continue
		}
		// Calls may wait long at a node that is well, for an election say: so it is asked before it is given up.
		asked := time.Now()
		failure := n.unary(
			context.Background(), "/grpc.health.v1.Health/Check", &pb.StreamRequest{}, &pb.StreamRequest{}, time.Now().Add(n.settings.silenceMax))
		late := failure != nil && failure.late
		n.mu.Lock()
		// A node with far too much to do may answer calls before the question: that is an answer, too.
		late = late && n.heardAt.Before(asked)
		n.heardAt = time.Now()
		n.mu.Unlock()
		if late {
			n.silent(n)
			return
		}
	}
}

// call runs one attempt; the error is the context's.
func (n *nodeConnection) call(ctx context.Context, call *pb.StreamCall, deadline time.Time) (outcome, error) {
	n.begin()
	o, err := n.attempt(ctx, call, deadline)
	n.done(o.result != nil)
	return o, err
}

func (n *nodeConnection) attempt(ctx context.Context, call *pb.StreamCall, deadline time.Time) (outcome, error) {
	size := overheadBytes + proto.Size(call)
	if size > callBytesMax {
		e := newError(CodeInvalidArgument, fmt.Sprintf("a request of %d bytes exceeds %d", size, callBytesMax))
		return outcome{failure: &rpcFailure{err: e}}, nil
	}
	if size > sharedCallBytesMax {
		return n.alone(ctx, call, deadline)
	}
	for {
		stream, failure, err := n.openStream(ctx, deadline)
		if failure != nil || err != nil {
			return outcome{failure: failure}, err
		}
		// A failed stream may still be writing its message, so each attempt has its own; the request inside is shared.
		p := &pendingCall{
			message: &pb.StreamCall{Call: call.Call}, bytes: size, deadline: deadline, done: make(chan outcome, 1),
		}
		if o, taken, err := stream.call(ctx, p); taken {
			return o, err
		}
	}
}

// opening is a stream on its way, for all that wait for it.
type opening struct {
	done    chan struct{}
	failure *rpcFailure
}

// openStream answers the stream that is open, or waits for one until the deadline.
func (n *nodeConnection) openStream(ctx context.Context, deadline time.Time) (*callStream, *rpcFailure, error) {
	n.mu.Lock()
	if n.ended != nil {
		defer n.mu.Unlock()
		return nil, &rpcFailure{err: n.ended}, nil
	}
	if n.stream != nil && n.stream.isOpen() {
		if n.stream.cluster != "" || n.router.cluster() == "" {
			defer n.mu.Unlock()
			return n.stream, nil, nil
		}
		// It did not say which cluster its calls are for: any node took it. What it has is still answered.
		go n.stream.endWhenIdle()
		n.stream = nil
	}
	if n.opening == nil {
		n.opening = &opening{done: make(chan struct{})}
		go n.open(n.opening)
	}
	on := n.opening
	n.mu.Unlock()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-on.done:
		if on.failure != nil {
			return nil, on.failure, nil
		}
		return n.openStream(ctx, deadline)
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, &rpcFailure{err: newError(CodeUnavailable, "no connection to "+n.address+" in time")}, givenUp(ctx)
}

func (n *nodeConnection) open(on *opening) {
	ctx, cancel := context.WithCancel(context.Background())
	// Opening waits for the connection.
	stop := time.AfterFunc(n.settings.connectTimeout, cancel)
	cluster := n.router.cluster()
	ctx = n.ofCluster(ctx)
	description := &grpc.StreamDesc{StreamName: "Stream", ServerStreams: true, ClientStreams: true}
	stream, err := n.channel.NewStream(ctx, description, "/norikv.v1.Kv/Stream")
	if !stop.Stop() && err == nil {
		err = status.Error(codes.Unavailable, "no connection in time")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opening = nil
	if err == nil && n.ended != nil {
		err = status.Error(codes.Unavailable, n.ended.Message)
	}
	if err != nil {
		cancel()
		on.failure = failureOf(err, nil, n.address)
		on.failure.reached = false // nothing was written yet
	} else {
		n.stream = newCallStream(stream, cancel, n.address, cluster, n.settings.messageBytesMax)
	}
	close(on.done)
}

func (n *nodeConnection) alone(ctx context.Context, call *pb.StreamCall, deadline time.Time) (outcome, error) {
	result := &pb.StreamResult{}
	var failure *rpcFailure
	switch c := call.Call.(type) {
	case *pb.StreamCall_Put:
		answer := &pb.PutResponse{}
		failure = n.unary(ctx, "/norikv.v1.Kv/Put", c.Put, answer, deadline)
		result.Result = &pb.StreamResult_Put{Put: answer}
	case *pb.StreamCall_Get:
		answer := &pb.GetResponse{}
		failure = n.unary(ctx, "/norikv.v1.Kv/Get", c.Get, answer, deadline)
		result.Result = &pb.StreamResult_Get{Get: answer}
	case *pb.StreamCall_Delete:
		answer := &pb.DeleteResponse{}
		failure = n.unary(ctx, "/norikv.v1.Kv/Delete", c.Delete, answer, deadline)
		result.Result = &pb.StreamResult_Delete{Delete: answer}
	case *pb.StreamCall_Batch:
		answer := &pb.BatchResponse{}
		failure = n.unary(ctx, "/norikv.v1.Kv/Batch", c.Batch, answer, deadline)
		result.Result = &pb.StreamResult_Batch{Batch: answer}
	}
	if failure != nil && givenUp(ctx) != nil {
		return outcome{}, givenUp(ctx)
	}
	return outcome{result: result, failure: failure}, nil
}

func (n *nodeConnection) unary(ctx context.Context, method string, request, answer interface{}, deadline time.Time) *rpcFailure {
	ctx, cancel := context.WithDeadline(n.ofCluster(ctx), deadline)
	defer cancel()
	var trailer metadata.MD
	var stood peer.Peer // none where the call got no connection: nothing of it was sent
	err := n.channel.Invoke(ctx, method, request, answer, grpc.Trailer(&trailer), grpc.Peer(&stood))
	if err == nil {
		return nil
	}
	failure := failureOf(err, trailer, n.address)
	failure.late = status.Code(err) == codes.DeadlineExceeded
	failure.said = isRefusal(failure.err.Code, trailer)
	if stood.Addr == nil && failure.reached {
		failure.reached, failure.said = false, false
		failure.err = failure.err.with(CodeUnavailable, "no connection to "+n.address+": "+failure.err.Message)
	}
	return failure
}

func (n *nodeConnection) serverStream(ctx context.Context, method string, request interface{}) (grpc.ClientStream, *rpcFailure) {
	stream, err := n.channel.NewStream(n.ofCluster(ctx), &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return nil, failureOf(err, nil, n.address)
	}
	// Where sending fails the first read says why.
	if stream.SendMsg(request) == nil {
		_ = stream.CloseSend()
	}
	return stream, nil
}

// ofCluster says with a call which cluster it is for, once that is known.
func (n *nodeConnection) ofCluster(ctx context.Context) context.Context {
	if cluster := n.router.cluster(); cluster != "" {
		return metadata.AppendToOutgoingContext(ctx, "norikv-cluster-id", cluster)
	}
	return ctx
}

func (n *nodeConnection) close() { n.end(newError(CodeCancelled, "the client was closed")) }

// end ends the connection: its calls fail with this error, and so does each that comes.
func (n *nodeConnection) end(why *Error) {
	n.mu.Lock()
	if n.ended == nil {
		n.ended = why
	}
	stream := n.stream
	n.mu.Unlock()
	if stream != nil {
		stream.fail(&rpcFailure{err: why, reached: true})
	}
	n.channel.Close()
}
