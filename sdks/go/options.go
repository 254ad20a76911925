package norikv

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// RetryPolicy says when and how often an operation is tried again within its deadline. Every write carries an idempotency key,
// so all may be. Waits grow exponentially and are drawn at random up to the current bound (full jitter). An exhausted budget
// does not fail an operation: its waits become the longest.
type RetryPolicy struct {
	AttemptsMax      int
	BackoffInitial   time.Duration
	BackoffMax       time.Duration
	BackoffFactor    float64
	BudgetMax        float64
	BudgetPerSuccess float64
}

// DefaultRetry is 1,000 attempts, waits of 10 ms doubling to 1 s, a budget of 2,048 retries.
var DefaultRetry = RetryPolicy{1000, 10 * time.Millisecond, time.Second, 2, 2048, 0.2}

// NoRetry hands the first failure to the caller.
var NoRetry = func() RetryPolicy { p := DefaultRetry; p.AttemptsMax = 1; return p }()

type settings struct {
	addresses       []string
	deadline        time.Duration
	retry           RetryPolicy
	tls             *tls.Config
	smartRouting    bool
	inFlightMax     int
	messageBytesMax int
	inboundBytesMax int
	keepAlive       time.Duration
	connectTimeout  time.Duration
	nodesMax        int
	clusterID       string
	silenceMax      time.Duration
}

// ConnectOption is an option of Connect.
type ConnectOption func(*settings)

// WithAddresses names one or more nodes, host:port; the others are learned. Without it those of NORIKV_ADDR, else localhost:7447.
func WithAddresses(addresses ...string) ConnectOption {
	return func(s *settings) { s.addresses = addresses }
}

// WithDeadline is how long one operation may take, retries included; 10 s without it. A context's deadline counts where it is sooner.
func WithDeadline(deadline time.Duration) ConnectOption {
	return func(s *settings) { s.deadline = deadline }
}

// WithRetry replaces DefaultRetry.
func WithRetry(policy RetryPolicy) ConnectOption { return func(s *settings) { s.retry = policy } }

// WithTLS speaks TLS to the nodes.
func WithTLS(config *tls.Config) ConnectOption { return func(s *settings) { s.tls = config } }

// WithSmartRouting routes each key to its leader by the watched cluster view; true without it.
func WithSmartRouting(on bool) ConnectOption { return func(s *settings) { s.smartRouting = on } }

// WithInFlightMax bounds the operations in flight; more wait for a place. 1,024 without it.
func WithInFlightMax(n int) ConnectOption { return func(s *settings) { s.inFlightMax = n } }

// WithClusterID names the cluster to talk to; without it that is the one seen first. A node of another one is sent nothing.
func WithClusterID(id string) ConnectOption { return func(s *settings) { s.clusterID = id } }

// WithSilenceMax is how long a node may say nothing while calls wait before it is asked for its health; without an answer in the
// same time again its calls go elsewhere. 1.5 s without it.
func WithSilenceMax(d time.Duration) ConnectOption { return func(s *settings) { s.silenceMax = d } }

// WithMessageBytesMax bounds the bytes of operations that are gathered into one message; 256 KiB without it.
func WithMessageBytesMax(n int) ConnectOption { return func(s *settings) { s.messageBytesMax = n } }

// WithInboundMessageBytesMax bounds the bytes of one message from a node; 64 MiB without it.
func WithInboundMessageBytesMax(n int) ConnectOption {
	return func(s *settings) { s.inboundBytesMax = n }
}

// WithKeepAlive is how often an idle connection is pinged; every 20 s without it. grpc-go pings no oftener than every 10 s.
func WithKeepAlive(d time.Duration) ConnectOption { return func(s *settings) { s.keepAlive = d } }

// WithConnectTimeout is how long to wait for a connection; 3 s without it.
func WithConnectTimeout(d time.Duration) ConnectOption {
	return func(s *settings) { s.connectTimeout = d }
}

// WithNodesMax lets nodes that no view lists any more go once there are more than this; 256 without it.
func WithNodesMax(n int) ConnectOption { return func(s *settings) { s.nodesMax = n } }

func newSettings(options []ConnectOption) (settings, error) {
	s := settings{
		addresses: []string{"localhost:7447"}, deadline: 10 * time.Second, retry: DefaultRetry, smartRouting: true,
		inFlightMax: 1024, messageBytesMax: 256 << 10, inboundBytesMax: 64 << 20, keepAlive: 20 * time.Second,
		connectTimeout: 3 * time.Second, nodesMax: 256, silenceMax: 1500 * time.Millisecond,
	}
	named := strings.FieldsFunc(os.Getenv("NORIKV_ADDR"), func(r rune) bool { return r == ',' })
	if len(named) > 0 {
		s.addresses = named
	}
	for _, option := range options {
		if option == nil {
			return s, newError(CodeInvalidArgument, "an option of Connect is nil")
		}
		option(&s)
	}
	return s, s.validate()
}

func (s *settings) validate() error {
	var problems []string
	want := func(holds bool, problem string) {
		if !holds {
			problems = append(problems, problem)
		}
	}
	want(len(s.addresses) > 0, "name at least one node as host:port")
	for _, address := range s.addresses {
		want(isAddress(address), fmt.Sprintf("address %q is not host:port", address))
	}
	want(s.deadline > 0, "the deadline must be positive")
	want(s.silenceMax >= 100*time.Millisecond, "SilenceMax must be at least 100 ms")
	want(s.inFlightMax >= 1, "at least 1 operation must fit in flight")
	want(s.messageBytesMax >= 1024 && s.messageBytesMax <= 2<<20, "MessageBytesMax must be 1 KiB to 2 MiB")
	want(s.inboundBytesMax >= 4<<20, "InboundMessageBytesMax must be at least 4 MiB")
	want(s.keepAlive >= time.Second, "KeepAlive must be at least 1 s")
	want(s.connectTimeout > 0, "ConnectTimeout must be positive")
	want(s.nodesMax >= 1, "NodesMax must be at least 1")
	want(s.retry.AttemptsMax >= 1 && s.retry.BackoffInitial > 0 && s.retry.BackoffFactor >= 1,
		"retry: AttemptsMax at least 1, BackoffInitial positive, BackoffFactor at least 1")
	want(s.retry.BackoffMax >= s.retry.BackoffInitial, "retry: BackoffMax must be at least BackoffInitial")
	if len(problems) > 0 {
		return newError(CodeInvalidArgument, strings.Join(problems, "; "))
	}
	return nil
}

func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || strings.ContainsAny(host, "/@?# ") {
		return false
	}
	number, err := strconv.Atoi(port)
	return err == nil && number > 0 && number < 65536 && port[0] != '+'
}

type callOptions struct {
	ttl            *time.Duration
	ifMatch        *Version
	ifNotExists    bool
	idempotencyKey *string
	consistency    Consistency
	maxStaleness   *time.Duration
	requireAtomic  bool
	prefix         []byte
	start, end     []byte
	reverse        bool
	limit          int64
	keysOnly       bool
	pageToken      []byte
	hasNil         bool // one of the options was nil
}

// Option is an option of an operation; one that an operation has no use for is ignored.
type Option func(*callOptions)

// TTL lets the key expire; without it an older TTL is removed. (Put)
func TTL(ttl time.Duration) Option { return func(o *callOptions) { o.ttl = &ttl } }

// IfMatch writes only if the key has this version. (Put, Delete)
func IfMatch(version Version) Option { return func(o *callOptions) { o.ifMatch = &version } }

// IfNotExists writes only if the key does not exist. (Put)
func IfNotExists() Option { return func(o *callOptions) { o.ifNotExists = true } }

// IdempotencyKey makes repeats return the first outcome; one is generated without it, or where it is empty. (Put, Delete, Batch)
func IdempotencyKey(key string) Option { return func(o *callOptions) { o.idempotencyKey = &key } }

// ReadConsistency says how fresh the answer must be. (Get, Scan)
func ReadConsistency(c Consistency) Option { return func(o *callOptions) { o.consistency = c } }

// MaxStaleness bounds a Bounded read; 5 s without it. (Get, Scan)
func MaxStaleness(d time.Duration) Option { return func(o *callOptions) { o.maxStaleness = &d } }

// RequireAtomic refuses a batch whose keys do not all lie in one shard. (Batch)
func RequireAtomic() Option { return func(o *callOptions) { o.requireAtomic = true } }

// Prefix scans the keys that begin so. (Scan, ScanPage, Count)
func Prefix(prefix []byte) Option { return func(o *callOptions) { o.prefix = prefix } }

// Range scans from start to before end; an empty one is no bound. (Scan, ScanPage, Count)
func Range(start, end []byte) Option { return func(o *callOptions) { o.start, o.end = start, end } }

// Reverse scans from the last key to the first. (Scan, ScanPage)
func Reverse() Option { return func(o *callOptions) { o.reverse = true } }

// Limit is the most pairs of the call. (Scan, ScanPage)
func Limit(n int64) Option { return func(o *callOptions) { o.limit = n } }

// KeysOnly leaves the values out. (Scan, ScanPage)
func KeysOnly() Option { return func(o *callOptions) { o.keysOnly = true } }

// PageToken goes on behind the page that gave it. (Scan, ScanPage)
func PageToken(token []byte) Option { return func(o *callOptions) { o.pageToken = token } }

func collect(options []Option) callOptions {
	var o callOptions
	for _, option := range options {
		if option == nil {
			o.hasNil = true
			continue
		}
		option(&o)
	}
	return o
}

func collectValid(options []Option) (callOptions, error) {
	o := collect(options)
	return o, o.validate()
}

// validate finds what no node could make sense of, before anything is sent.
func (o *callOptions) validate() error {
	switch o.consistency {
	case "", Linearizable, Lease, StaleOK, Bounded:
	default:
		return newError(CodeInvalidArgument, fmt.Sprintf("unknown consistency '%s'", o.consistency))
	}
	switch {
	case o.hasNil:
		return newError(CodeInvalidArgument, "an option is nil")
	case o.ttl != nil && *o.ttl <= 0:
		return newError(CodeInvalidArgument, fmt.Sprintf("TTL %s is not positive", *o.ttl))
	case o.maxStaleness != nil && *o.maxStaleness <= 0:
		return newError(CodeInvalidArgument, fmt.Sprintf("a staleness of %s is not positive", *o.maxStaleness))
	case o.limit < 0:
		return newError(CodeInvalidArgument, fmt.Sprintf("limit %d is negative", o.limit))
	case o.idempotencyKey != nil && !utf8.ValidString(*o.idempotencyKey):
		return newError(CodeInvalidArgument, "the idempotency key is not UTF-8")
	}
	return nil
}
