package norikv

import "strconv"

// Version is the log entry that wrote a key; versions of one key strictly increase. The zero value is no version.
type Version struct{ Term, Index uint64 }

// IsPresent is true for a version that an entry can have.
func (v Version) IsPresent() bool { return v.Term != 0 }

// Compare is negative, zero or positive as v is older than, equal to or newer than other.
func (v Version) Compare(other Version) int {
	a, b := v.Index, other.Index
	if v.Term != other.Term {
		a, b = v.Term, other.Term
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (v Version) String() string {
	return strconv.FormatUint(v.Term, 10) + "." + strconv.FormatUint(v.Index, 10)
}

// Consistency says how fresh a read must be.
type Consistency string

// The consistencies; Linearizable where none is asked for.
const (
	Linearizable Consistency = "linearizable"
	Lease        Consistency = "lease"
	StaleOK      Consistency = "stale_ok"
	Bounded      Consistency = "bounded"
)

// Meta is what an answer says about itself: consistency, served_by, staleness_ms, idempotent_replay.
type Meta map[string]string

// PutResult is the answer of a put.
type PutResult struct {
	Version Version
	Meta    Meta
}

// GetResult is the answer of a get. An empty value is a value: Found says whether the key exists.
type GetResult struct {
	Found   bool
	Value   []byte
	Version Version
	Meta    Meta
}

// DeleteResult is the answer of a delete; Tombstoned: the key existed.
type DeleteResult struct {
	Tombstoned bool
	Version    Version
	Meta       Meta
}

// Pair is a key with its value.
type Pair struct {
	Key, Value []byte
	Version    Version
}

// Page is part of a scan; NextPageToken goes on behind it and is empty when nothing follows.
type Page struct {
	Pairs         []Pair
	NextPageToken []byte
	Count         int64
}

// Node is a member of the cluster; Role is leader, follower or unknown.
type Node struct{ ID, Address, Role string }

// Replica is one copy of a shard.
type Replica struct {
	NodeID string
	Leader bool
}

// Shard is a shard with its replicas.
type Shard struct {
	ID       int
	Replicas []Replica
}

// ClusterView is what clients know of the cluster; a change makes a new one with a higher epoch.
type ClusterView struct {
	Epoch       uint64
	Nodes       []Node
	Shards      []Shard
	ClusterID   string
	TotalShards int
	HashTags    bool
}

// Operation is one operation of a batch, made by PutOp, GetOp or DeleteOp.
type Operation struct {
	kind       operationKind
	key, value []byte
	options    callOptions
}

type operationKind int

const (
	putKind operationKind = iota
	getKind
	deleteKind
)

// PutOp writes a pair inside a batch.
func PutOp(key, value []byte, options ...Option) Operation {
	return Operation{putKind, key, value, collect(options)}
}

// GetOp reads a key inside a batch.
func GetOp(key []byte, options ...Option) Operation {
	return Operation{getKind, key, nil, collect(options)}
}

// DeleteOp removes a key inside a batch.
func DeleteOp(key []byte, options ...Option) Operation {
	return Operation{deleteKind, key, nil, collect(options)}
}

// BatchResult is what one operation of a batch came to: Err, or the result of its kind.
type BatchResult struct {
	Err    error
	Put    *PutResult
	Get    *GetResult
	Delete *DeleteResult
}
