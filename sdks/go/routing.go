package norikv

import (
	"math"
	"math/rand"
	"strings"
	"sync"
	"time"
)

const (
	refusedFor = 2 * time.Second
	// A node that stands still is found out by waiting, so it is left alone longer than one that refuses at once.
	silentFor    = 6 * time.Second
	mismatchWord = "CLUSTER_MISMATCH"
)

// backoff is exponential with full jitter; an exhausted budget slows and never fails.
type backoff struct {
	policy RetryPolicy
	mu     sync.Mutex
	budget float64
	draw   *rand.Rand
}

func newBackoff(policy RetryPolicy, seed int64) *backoff {
	return &backoff{policy: policy, budget: policy.BudgetMax, draw: rand.New(rand.NewSource(seed))}
}

func (b *backoff) nextWait(retry int, retryAfter time.Duration) time.Duration {
	p := b.policy
	bound := math.Min(float64(p.BackoffMax), float64(p.BackoffInitial)*math.Pow(p.BackoffFactor, math.Min(float64(retry), 64)))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.budget >= 1 {
		b.budget--
	} else {
		bound = float64(p.BackoffMax)
	}
	// The server's word is a floor; the jitter on top keeps a crowd from returning in one moment.
	return retryAfter + time.Duration(bound*b.draw.Float64())
}

func (b *backoff) succeeded() {
	b.mu.Lock()
	b.budget = math.Min(b.policy.BudgetMax, b.budget+b.policy.BudgetPerSuccess)
	b.mu.Unlock()
}

// routingTable says where to send a key, as one cluster view has it. Immutable.
type routingTable struct {
	nodes    []string
	leaders  []string
	hashTags bool
}

func newRoutingTable(view *ClusterView) *routingTable {
	t := &routingTable{leaders: make([]string, view.TotalShards), hashTags: view.HashTags}
	addresses := map[string]string{}
	for _, node := range view.Nodes {
		if node.Role != "unknown" && isAddress(node.Address) {
			addresses[node.ID] = node.Address
			t.nodes = appendNew(t.nodes, node.Address)
		}
	}
	for _, shard := range view.Shards {
		for _, replica := range shard.Replicas {
			if replica.Leader && shard.ID < len(t.leaders) {
				t.leaders[shard.ID] = addresses[replica.NodeID]
			}
		}
	}
	return t
}

func (t *routingTable) leaderOf(key []byte) string {
	if len(t.leaders) == 0 {
		return ""
	}
	return t.leaders[ShardOf(key, len(t.leaders), t.hashTags)]
}

// router chooses the node of each attempt: a hint, else the key's leader, else the other nodes in turn. An address that could not
// be reached is left out for two seconds, as long as there is another; one where another cluster answers is never used.
type router struct {
	addresses []string
	mu        sync.Mutex
	clusterID string // of the options, else of the first view
	table     *routingTable
	avoided   map[string]time.Time // until then
	foreign   map[string]*Error
	turn      int
}

func newRouter(addresses []string, clusterID string) *router {
	return &router{
		addresses: addresses, clusterID: clusterID, avoided: map[string]time.Time{}, foreign: map[string]*Error{}, turn: -1,
	}
}

func (r *router) update(table *routingTable) {
	r.mu.Lock()
	r.table = table
	// Our own cluster lists them as alive: an address may have come back. A request says which cluster it is for.
	for _, address := range table.nodes {
		delete(r.foreign, address)
	}
	r.mu.Unlock()
}

// cluster is this client's; empty while none is known.
func (r *router) cluster() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clusterID
}

// accepts is true for this client's cluster; the first one named becomes it.
func (r *router) accepts(id, address string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clusterID == "" {
		r.clusterID = id
	}
	if id == "" || id == r.clusterID {
		return true
	}
	r.foreign[address] = newError(CodeFailedPrecondition, mismatchWord+": the node at "+address+" is of cluster "+id+
		", this client talks to cluster "+r.clusterID+"; nothing is sent there. If that is meant, make a new client")
	return false
}

// isForeign is true where a node of another cluster answered.
func isForeign(e *Error) bool {
	return e.Code == CodeFailedPrecondition && strings.Contains(e.Message, mismatchWord)
}

func (r *router) noteForeign(address string, why *Error) {
	r.mu.Lock()
	r.foreign[address] = why
	r.mu.Unlock()
}

// refusal is why nothing may be sent to an address that was picked because there is no other.
func (r *router) refusal(address string) *Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if why := r.foreign[address]; why != nil {
		return why
	}
	return nil
}

func (r *router) unreachable(address string) { r.avoid(address, refusedFor) }

func (r *router) silent(address string) { r.avoid(address, silentFor) }

func (r *router) avoid(address string, d time.Duration) {
	r.mu.Lock()
	r.avoided[address] = time.Now().Add(d)
	r.mu.Unlock()
}

func (r *router) reached(address string) {
	r.mu.Lock()
	delete(r.avoided, address)
	r.mu.Unlock()
}

func (r *router) pick(key []byte, attempt int, hint string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if hint != "" && isAddress(hint) && !r.avoidsLocked(hint) {
		return hint
	}
	// Every other attempt tries another node: the view may be older than the cluster.
	if r.table != nil && attempt%2 == 0 && len(key) > 0 {
		if leader := r.table.leaderOf(key); leader != "" && !r.avoidsLocked(leader) {
			return leader
		}
	}
	return r.otherLocked()
}

// knows is true for an address that is configured or listed.
func (r *router) knows(address string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, candidate := range r.candidatesLocked() {
		if candidate == address {
			return true
		}
	}
	return false
}

func (r *router) otherLocked() string {
	candidates := r.candidatesLocked()
	r.turn++
	for i := range candidates {
		if address := candidates[(r.turn+i)%len(candidates)]; !r.avoidsLocked(address) {
			return address
		}
	}
	for i := range candidates {
		if address := candidates[(r.turn+i)%len(candidates)]; r.foreign[address] == nil {
			return address
		}
	}
	return candidates[r.turn%len(candidates)]
}

func (r *router) candidatesLocked() []string {
	if r.table == nil {
		return r.addresses
	}
	candidates := append([]string(nil), r.table.nodes...)
	for _, address := range r.addresses {
		candidates = appendNew(candidates, address)
	}
	return candidates
}

func (r *router) avoidsLocked(address string) bool {
	until, avoided := r.avoided[address]
	return r.foreign[address] != nil || (avoided && time.Now().Before(until))
}

func appendNew(list []string, one string) []string {
	for _, other := range list {
		if other == one {
			return list
		}
	}
	return append(list, one)
}
