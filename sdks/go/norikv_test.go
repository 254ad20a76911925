package norikv

import (
	"context"
	"errors"
	"math/rand"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "github.com/norikv/norikv-go/proto/norikvv1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

func TestASequenceStaysWithinTheWindowOfTheOldestUnresolvedOne(t *testing.T) {
	type held struct {
		release  func()
		session  string
		sequence int
	}
	for seed := int64(0); seed < 5; seed++ {
		draw, pool, open := rand.New(rand.NewSource(seed)), &sessionPool{}, []held{}
		for i := 0; i < 20000; i++ {
			if len(open) > 0 && (len(open) > 900 || draw.Intn(2) == 0) {
				at := len(open) - 1 // mostly the newest, so that one old write stays unresolved for long
				if draw.Intn(4) == 0 {
					at = draw.Intn(len(open))
				}
				open[at].release()
				open = append(open[:at], open[at+1:]...)
				continue
			}
			release, key := pool.acquire()
			parts := strings.Split(key, ":")
			sequence, err := strconv.Atoi(parts[2])
			if err != nil || parts[0] != "s1" || len(parts) != 4 {
				t.Fatalf("the key %s", key)
			}
			for _, other := range open {
				if other.session == parts[1] && sequence-other.sequence >= window {
					t.Fatalf("seed %d: %d while %d is unresolved", seed, sequence, other.sequence)
				}
			}
			open = append(open, held{release, parts[1], sequence})
		}
	}
}

func TestOneSlowWriteMovesTheOthersToAnotherSession(t *testing.T) {
	pool := &sessionPool{}
	_, slow := pool.acquire()
	for i := 1; i < window; i++ {
		release, _ := pool.acquire()
		release()
	}
	_, next := pool.acquire()
	if strings.Split(slow, ":")[1] == strings.Split(next, ":")[1] {
		t.Fatal("still the session of the slow write")
	}
}

func TestWaitsGrowToTheirBoundAndNeverUndercutTheServer(t *testing.T) {
	b := newBackoff(DefaultRetry, 1)
	for retry := 0; retry < 40; retry++ {
		bound := 10 * time.Millisecond << uint(min(retry, 10))
		if wait := b.nextWait(retry, 0); wait > bound || wait > time.Second {
			t.Fatalf("retry %d waits %s", retry, wait)
		}
		if wait := b.nextWait(retry, 300*time.Millisecond); wait < 300*time.Millisecond {
			t.Fatalf("retry %d undercuts the server: %s", retry, wait)
		}
	}
	policy := DefaultRetry
	policy.BudgetMax = 3
	poor, longest := newBackoff(policy, 1), time.Duration(0)
	for i := 0; i < 50; i++ {
		if wait := poor.nextWait(0, 0); wait > longest {
			longest = wait
		}
	}
	if longest < 10*time.Millisecond {
		t.Fatal("an exhausted budget did not slow")
	}
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func TestRouting(t *testing.T) {
	view := &ClusterView{TotalShards: 16}
	ids := []string{"a", "b", "c"}
	for _, id := range ids {
		view.Nodes = append(view.Nodes, Node{id, id + ":1", "leader"})
	}
	for i := 0; i < 16; i++ {
		view.Shards = append(view.Shards, Shard{i, []Replica{{ids[i%3], true}, {ids[(i+1)%3], false}}})
	}
	r, key := newRouter([]string{"seed:1"}, ""), []byte("k")
	if got := r.pick(key, 0, ""); got != "seed:1" {
		t.Fatalf("without a view %s", got)
	}
	r.update(newRoutingTable(view))
	leader := ids[ShardOf(key, 16, false)%3] + ":1"
	if got := r.pick(key, 0, ""); got != leader {
		t.Fatalf("not the leader but %s", got)
	}
	if got := r.pick(key, 0, "hint:9"); got != "hint:9" {
		t.Fatalf("not the hint but %s", got)
	}
	r.unreachable(leader)
	for i := 0; i < 8; i++ {
		if got := r.pick(key, i, ""); got == leader {
			t.Fatal("an unreachable node was picked")
		}
	}
	r.reached(leader)
	if got := r.pick(key, 0, ""); got != leader {
		t.Fatal("a node that was reached is still avoided")
	}
}

func TestErrorsAreComparedByCode(t *testing.T) {
	for code, want := range map[uint32]*Error{
		3: ErrInvalidArgument, 4: ErrOutcomeUnknown, 6: ErrAlreadyExists, 8: ErrOverloaded, 14: ErrUnavailable,
	} {
		if !errors.Is(grpcError(code, ""), want) {
			t.Errorf("status %d is not %v", code, want)
		}
	}
	if !errors.Is(grpcError(9, "Version mismatch: x"), ErrVersionMismatch) || errors.Is(grpcError(9, "other"), ErrVersionMismatch) {
		t.Error("FAILED_PRECONDITION")
	}
	if !errors.Is(grpcError(14, "QUORUM_UNAVAILABLE"), ErrUnavailable) || !errors.Is(grpcError(14, "NOT_LEADER"), ErrNotLeader) {
		t.Error("UNAVAILABLE")
	}
	said := statusError(&pb.Status{Code: 4, Message: "not tried"})
	if !errors.Is(said, ErrDeadlineExceeded) {
		t.Error("what a node says of a deadline is exact")
	}
	unknown := statusError(&pb.Status{Code: 4, Message: "COMMIT_TIMEOUT", LeaderHint: "h:1", RetryAfterMs: 50})
	if !errors.Is(unknown, ErrOutcomeUnknown) || unknown.LeaderHint != "h:1" || unknown.RetryAfter != 50*time.Millisecond {
		t.Errorf("%+v", unknown)
	}
}

func TestATTLIsRoundedUpAndNeverSilentlyNone(t *testing.T) {
	for d, want := range map[time.Duration]uint64{time.Nanosecond: 1, time.Millisecond: 1, 1500 * time.Microsecond: 2} {
		d := d
		if got, err := ttlMs(&d); err != nil || got != want {
			t.Errorf("%s is %d, %v", d, got, err)
		}
	}
	none := time.Duration(0)
	if _, err := ttlMs(&none); !errors.Is(err, ErrInvalidArgument) {
		t.Error("a TTL of zero was taken")
	}
}

func TestOptionsAreJudged(t *testing.T) {
	if _, err := Connect(WithAddresses("nonsense"), WithDeadline(0)); !errors.Is(err, ErrInvalidArgument) ||
		!strings.Contains(err.Error(), "host:port") || !strings.Contains(err.Error(), "deadline") {
		t.Error(err)
	}
}

func TestNobodyThereIsSaidWithTheAddress(t *testing.T) {
	policy := DefaultRetry // by number, not by time: on a busy machine a short deadline may pass before the first refusal comes
	policy.AttemptsMax = 2
	client, err := Connect(WithAddresses("127.0.0.1:1"), WithRetry(policy))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = client.Put(context.Background(), []byte("a"), nil); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Error(err)
	}
	client.Close()
	if _, err = client.Get(context.Background(), []byte("a")); err == nil {
		t.Error("a closed client answered")
	}
}

func TestCompareAndSetLeavesTheCallersOptionsAlone(t *testing.T) {
	policy := DefaultRetry
	policy.AttemptsMax = 1
	client, err := Connect(WithAddresses("127.0.0.1:1"), WithRetry(policy))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	shared := make([]Option, 1, 2)
	shared[0] = TTL(time.Minute)
	if _, err = client.CompareAndSet(context.Background(), []byte("a"), nil, Version{}, shared...); err == nil {
		t.Error("nobody is there")
	}
	if shared[:2][1] != nil {
		t.Error("the room behind the caller's options was written to")
	}
}

func TestMistakesAreRefusedBeforeAnythingIsSent(t *testing.T) {
	client, err := Connect(WithAddresses("127.0.0.1:1"), WithDeadline(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, k := context.Background(), []byte("k")
	put := func(options ...Option) func() error {
		return func() error { _, err := client.Put(ctx, k, k, options...); return err }
	}
	for name, mistake := range map[string]func() error{
		"ttl 0":           put(TTL(0)),
		"ttl -1":          put(TTL(-time.Second)),
		"idempotency key": put(IdempotencyKey("a\xff")),
		"consistency":     func() error { _, err := client.Get(ctx, k, ReadConsistency("weird")); return err },
		"staleness":       func() error { _, err := client.Get(ctx, k, MaxStaleness(-1)); return err },
		"staleness 0":     func() error { _, err := client.Get(ctx, k, MaxStaleness(0)); return err },
		"page":            func() error { _, err := client.ScanPage(ctx, Limit(-1)); return err },
		"count":           func() error { _, err := client.Count(ctx, ReadConsistency("weird")); return err },
		"scan": func() error {
			it := client.Scan(ctx, Limit(-1))
			defer it.Close()
			if it.Next() {
				return nil
			}
			return it.Err()
		},
		"batch": func() error {
			_, err := client.Batch(ctx, []Operation{GetOp(k, ReadConsistency("weird"))})
			return err
		},
		"an operation's key": func() error {
			_, err := client.Batch(ctx, []Operation{PutOp(k, k, IdempotencyKey("mine"))})
			return err
		},
		"65 MiB":   func() error { _, err := client.Put(ctx, k, make([]byte, 65<<20)); return err },
		"deadline": func() error { _, err := Connect(WithDeadline(0)); return err },
		"address":  func() error { _, err := Connect(WithAddresses("a:70000")); return err },
	} {
		if err := mistake(); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWriteWhoseStreamBrokeByInternalIsTriedAgainAndNeverCalledNotDone(t *testing.T) {
	policy := DefaultRetry
	policy.AttemptsMax = 3
	client, err := Connect(WithAddresses("127.0.0.1:1"), WithSmartRouting(false), WithRetry(policy))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	tried := 0
	err = client.runner.attempts(context.Background(), []byte("k"), true, time.Now().Add(time.Minute),
		func(context.Context, *nodeConnection, bool) (*rpcFailure, error) {
			tried++
			return &rpcFailure{err: newError(CodeInternal, "a reset"), reached: true}, nil
		})
	if !errors.Is(err, ErrOutcomeUnknown) || tried != 3 {
		t.Errorf("%v after %d attempts", err, tried)
	}
}

func TestACancelledContextEndsAnOperationWithItsError(t *testing.T) {
	client, err := Connect(WithAddresses("127.0.0.1:1"), WithDeadline(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := client.Get(ctx, []byte("a")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTheGeneratedMessagesAreThoseOfTheProtoFile(t *testing.T) {
	out := t.TempDir() + "/set"
	if text, err := exec.Command("protoc", "-I", "../../proto", "--descriptor_set_out="+out, "norikv.proto").CombinedOutput(); err != nil {
		t.Fatalf("protoc: %v %s", err, text)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(mustRead(t, out), set); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(set.File[0], protodesc.ToFileDescriptorProto(pb.File_norikv_proto)) {
		t.Error("generate again: sdks/generate.sh")
	}
}

// Contexts end as Go programs expect, with the codes of the contract.
func TestAContextThatIsOverIsSaidAsContextsAre(t *testing.T) {
	client, err := Connect(WithAddresses("127.0.0.1:1"), WithDeadline(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	past, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	cancelled, give := context.WithCancel(context.Background())
	give()
	soon, end := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer end()
	k := []byte("k")
	for name, call := range map[string]func(context.Context) error{
		"put":    func(ctx context.Context) error { _, err := client.Put(ctx, k, k); return err },
		"get":    func(ctx context.Context) error { _, err := client.Get(ctx, k); return err },
		"delete": func(ctx context.Context) error { _, err := client.Delete(ctx, k); return err },
		"batch":  func(ctx context.Context) error { _, err := client.Batch(ctx, []Operation{GetOp(k)}); return err },
		"count":  func(ctx context.Context) error { _, err := client.Count(ctx); return err },
		"page":   func(ctx context.Context) error { _, err := client.ScanPage(ctx, Limit(1)); return err },
		"scan": func(ctx context.Context) error {
			it := client.Scan(ctx)
			defer it.Close()
			it.Next()
			return it.Err()
		},
		"view": func(ctx context.Context) error { _, err := client.ClusterView(ctx); return err },
		"watch": func(ctx context.Context) error {
			return client.WatchCluster(ctx, func(*ClusterView) bool { return true })
		},
		"serving": func(ctx context.Context) error { _, err := client.IsServing(ctx); return err },
	} {
		for _, ctx := range []context.Context{past, soon} {
			err := call(ctx)
			var e *Error
			if !errors.As(err, &e) || e.Code != CodeDeadlineExceeded || !errors.Is(err, context.DeadlineExceeded) ||
				!errors.Is(err, ErrDeadlineExceeded) || !e.Timeout() {
				t.Errorf("%s: %v", name, err)
			}
		}
		err := call(cancelled)
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeCancelled || !errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s, cancelled: %v", name, err)
		}
	}
}

func TestAWriteThatMayHaveBeenDoneStaysUnknownWhenItsContextEnds(t *testing.T) {
	client, err := Connect(WithAddresses("127.0.0.1:1"), WithSmartRouting(false))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	err = client.runner.attempts(ctx, []byte("k"), true, client.runner.deadline(ctx),
		func(context.Context, *nodeConnection, bool) (*rpcFailure, error) {
			return &rpcFailure{err: newError(CodeUnavailable, "it broke"), reached: true}, nil
		})
	if !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestTheClientsOwnDeadlineIsNotAContexts(t *testing.T) {
	client, err := Connect(WithAddresses("127.0.0.1:1"), WithDeadline(200*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Get(context.Background(), []byte("a")); !errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestAnOperationThatIsGivenUpReturnsOnceNothingReadsItsKeyAndValue(t *testing.T) {
	s := &callStream{wake: make(chan struct{}, 1), ended: make(chan struct{}), pending: map[uint64]*pendingCall{}, open: true}
	s.encode.Lock() // as the writer does while it makes bytes of them
	ctx, cancel := context.WithCancel(context.Background())
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		_, _, _ = s.call(ctx, &pendingCall{message: &pb.StreamCall{}, deadline: time.Now().Add(time.Hour), done: make(chan outcome, 1)})
	}()
	cancel()
	select {
	case <-returned:
		t.Error("it returned while they were read")
	case <-time.After(100 * time.Millisecond):
	}
	s.encode.Unlock()
	<-returned
}

func TestABatchIsPutTogetherFromItsAttempts(t *testing.T) {
	failed := func(code uint32, message string, after uint64) *pb.OperationResult {
		return &pb.OperationResult{Result: &pb.OperationResult_Error{Error: &pb.Status{Code: code, Message: message, RetryAfterMs: after}}}
	}
	done := func(index uint64) *pb.OperationResult {
		return &pb.OperationResult{Result: &pb.OperationResult_Put{Put: &pb.PutResponse{Version: &pb.Version{Term: 1, Index: index}}}}
	}
	put, get := &pb.BatchOperation{Operation: &pb.BatchOperation_Put{}}, &pb.BatchOperation{Operation: &pb.BatchOperation_Get{Get: &pb.GetRequest{}}}
	parts := &batchParts{operations: []*pb.BatchOperation{put, put, put, get, get}}
	failure := parts.take(&pb.BatchResponse{Results: []*pb.OperationResult{
		done(7), failed(14, "NOT_LEADER", 0), failed(4, "COMMIT_TIMEOUT", 0), failed(4, "COMMIT_TIMEOUT", 0), failed(8, "no room", 0)}}, false)
	if failure == nil || !failure.said || failure.err.Code != CodeNotLeader {
		t.Fatalf("%+v", failure)
	}
	failure = parts.take(&pb.BatchResponse{Results: []*pb.OperationResult{
		failed(14, "NOT_LEADER", 0), done(8), failed(14, "QUORUM_UNAVAILABLE", 0), failed(8, "much to do", 50), done(9)}}, false)
	if failure == nil || failure.err.RetryAfter != 50*time.Millisecond {
		t.Fatalf("%+v", failure)
	}
	results, err := batchResults(parts.end(newError(CodeQuorumUnavailable, "")), 5)
	if err != nil || results[0].Put.Version.Index != 7 || results[1].Put.Version.Index != 8 {
		t.Fatalf("%+v, %v", results, err)
	}
	for i, want := range map[int]*Error{2: ErrOutcomeUnknown, 3: ErrDeadlineExceeded, 4: ErrOverloaded} {
		if !errors.Is(results[i].Err, want) {
			t.Errorf("operation %d: %v", i, results[i].Err)
		}
	}
	if broke := parts.take(&pb.BatchResponse{}, false); broke == nil || broke.err.Code != CodeInternal || broke.said || !broke.reached {
		t.Errorf("an answer to nothing: %+v", broke)
	}
}

func TestNilIsRefusedAsAMistakeAndNeverPanics(t *testing.T) {
	if _, err := Connect(WithAddresses("127.0.0.1:1"), nil); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("Connect: %v", err)
	}
	client, err := Connect(WithAddresses("127.0.0.1:1"), WithDeadline(time.Minute), WithSmartRouting(false))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var none context.Context
	key, background := []byte("k"), context.Background()
	scan := func(ctx context.Context, options ...Option) error {
		it := client.Scan(ctx, options...)
		defer it.Close()
		for it.Next() {
		}
		return it.Err()
	}
	mistakes := map[string]func() error{
		"put":             func() error { _, err := client.Put(none, key, key); return err },
		"compare and set": func() error { _, err := client.CompareAndSet(none, key, key, Version{}); return err },
		"get":             func() error { _, err := client.Get(none, key); return err },
		"get required":    func() error { _, err := client.GetRequired(none, key); return err },
		"delete":          func() error { _, err := client.Delete(none, key); return err },
		"batch":           func() error { _, err := client.Batch(none, []Operation{GetOp(key)}); return err },
		"batch of writes": func() error { _, err := client.Batch(none, []Operation{DeleteOp(key)}); return err },
		"scan":            func() error { return scan(none) },
		"page":            func() error { _, err := client.ScanPage(none, Limit(1)); return err },
		"count":           func() error { _, err := client.Count(none); return err },
		"view":            func() error { _, err := client.ClusterView(none); return err },
		"watch":           func() error { return client.WatchCluster(none, func(*ClusterView) bool { return false }) },
		"watch by nobody": func() error { return client.WatchCluster(background, nil) },
		"health":          func() error { _, err := client.IsServing(none); return err },
		"option of put":   func() error { _, err := client.Put(background, key, key, nil); return err },
		"option of CAS":   func() error { _, err := client.CompareAndSet(background, key, key, Version{}, nil); return err },
		"option of get":   func() error { _, err := client.Get(background, key, nil); return err },
		"option of delete": func() error {
			_, err := client.Delete(background, key, IfMatch(Version{1, 1}), nil)
			return err
		},
		"option of batch":        func() error { _, err := client.Batch(background, []Operation{GetOp(key)}, nil); return err },
		"option of an operation": func() error { _, err := client.Batch(background, []Operation{PutOp(key, key, nil)}); return err },
		"option of scan":         func() error { return scan(background, nil) },
		"option of page":         func() error { _, err := client.ScanPage(background, Limit(1), nil); return err },
		"option of count":        func() error { _, err := client.Count(background, nil); return err },
	}
	for name, mistake := range mistakes {
		if err := mistake(); !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), "nil") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
