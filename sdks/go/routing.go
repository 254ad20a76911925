package norikv

import (
	"math"
	"math/rand"
	"sync"
	"time"
)

const avoidFor = 2 * time.Second

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
// be reached is left out for two seconds, as long as there is another.
type router struct {
	addresses []string
	mu        sync.Mutex
	table     *routingTable
	avoided   map[string]time.Time
	turn      int
}

func newRouter(addresses []string) *router {
	return &router{addresses: addresses, avoided: map[string]time.Time{}, turn: -1}
}

func (r *router) update(table *routingTable) {
	r.mu.Lock()
	r.table = table
	r.mu.Unlock()
}

func (r *router) unreachable(address string) {
	r.mu.Lock()
	r.avoided[address] = time.Now()
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
	since, avoided := r.avoided[address]
	return avoided && time.Since(since) < avoidFor
}

func appendNew(list []string, one string) []string {
	for _, other := range list {
		if other == one {
			return list
		}
	}
	return append(list, one)
}
