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
		func(context.Context, *nodeConnection) (*rpcFailure, error) {
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
