package main

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	norikv "github.com/norikv/norikv-go"
)

// outcome is what a step came to, in one form for all operations.
type outcome struct {
	err        error
	version    norikv.Version
	found      bool
	value      []byte
	tombstoned bool
	meta       norikv.Meta
	pairs      []norikv.Pair
	token      []byte
	count      int64
	results    []outcome
	view       *norikv.ClusterView
	serving    bool
	cancelled  bool
	took       time.Duration
}

func putOutcome(r *norikv.PutResult, err error) outcome {
	if err != nil {
		return outcome{err: err}
	}
	return outcome{version: r.Version, meta: r.Meta}
}

func getOutcome(r *norikv.GetResult, err error) outcome {
	if err != nil {
		return outcome{err: err}
	}
	return outcome{version: r.Version, meta: r.Meta, found: r.Found, value: r.Value}
}

func deleteOutcome(r *norikv.DeleteResult, err error) outcome {
	if err != nil {
		return outcome{err: err}
	}
	return outcome{version: r.Version, meta: r.Meta, tombstoned: r.Tombstoned}
}

func codeOf(err error) string {
	var e *norikv.Error
	if errors.As(err, &e) {
		return string(e.Code)
	}
	return "?"
}

// names is true when the error's code is the one or among those of the expectation.
func names(codes interface{}, err error) bool {
	if list, ok := codes.([]interface{}); ok {
		for _, code := range list {
			if code == codeOf(err) {
				return true
			}
		}
		return false
	}
	return codes == codeOf(err)
}

func (r *run) differs(o outcome, expect object, i string) error {
	if _, wanted := expect["error"]; o.err != nil && !wanted {
		return o.err
	}
	for name, value := range expect {
		holds, err := r.holds(o, name, value, i)
		if err != nil {
			return err
		}
		if !holds {
			return fmt.Errorf("expected %s %v, got error %v, version %s, found %t, %d bytes, tombstoned %t, count %d, %d pairs, %s, %v",
				name, value, o.err, o.version, o.found, len(o.value), o.tombstoned, o.count, len(o.pairs), o.took, o.meta)
		}
	}
	return nil
}

func (r *run) holds(o outcome, name string, value interface{}, i string) (bool, error) {
	switch name {
	case "error":
		return o.err != nil && names(value, o.err), nil
	case "message":
		return o.err != nil && strings.Contains(o.err.Error(), value.(string)), nil
	case "without":
		return o.err != nil && !strings.Contains(o.err.Error(), value.(string)), nil
	case "found":
		return o.found == value, nil
	case "value":
		return r.isOneOf(o.value, value, i), nil
	case "size":
		return len(o.value) == number(value), nil
	case "version":
		return o.version == r.savedVersion(value), nil
	case "newer_than":
		return o.version.Compare(r.savedVersion(value)) > 0, nil
	case "tombstoned":
		return o.tombstoned == value, nil
	case "meta":
		for key, wanted := range value.(object) {
			if got := o.meta[key]; got == "" || wanted != true && got != wanted {
				return false, nil
			}
		}
		return true, nil
	case "keys":
		keys := r.keys(value)
		for n := range keys {
			if n < len(o.pairs) && !bytes.Equal(keys[n], o.pairs[n].Key) {
				return false, nil
			}
		}
		return len(keys) == len(o.pairs), nil
	case "values":
		wanted := value.([]interface{})
		for n := range wanted {
			if n < len(o.pairs) && !bytes.Equal(r.bytes(wanted[n], i), o.pairs[n].Value) {
				return false, nil
			}
		}
		return len(wanted) == len(o.pairs), nil
	case "bytes":
		sum := 0
		for _, pair := range o.pairs {
			sum += len(pair.Value)
		}
		return sum == number(value), nil
	case "more":
		return len(o.token) > 0 == value, nil
	case "count":
		return o.count == int64(number(value)), nil
	case "results":
		wanted := value.([]interface{})
		if len(wanted) != len(o.results) {
			return false, nil
		}
		for n := range wanted {
			if err := r.differs(o.results[n], wanted[n].(object), i); err != nil {
				return false, err
			}
		}
		return true, nil
	case "result_errors":
		return resultErrors(o.results) == wantedErrors(value.(object)), nil
	case "serving":
		return o.serving == value, nil
	case "cancelled":
		return o.cancelled == value, nil
	case "epoch_at_least":
		return o.view.Epoch >= uint64(number(value)), nil
	case "total_shards":
		return o.view.TotalShards == number(value) && len(o.view.Shards) == number(value), nil
	case "every_shard_led":
		return everyShardLed(o.view), nil
	case "after_ms":
		return o.took >= time.Duration(number(value))*time.Millisecond, nil
	case "within_ms":
		return o.took.Milliseconds() <= int64(number(value)), nil
	}
	return false, fmt.Errorf("the runner does not know the expectation %s", name)
}

func (r *run) isOneOf(got []byte, forms interface{}, i string) bool {
	list, ok := forms.([]interface{})
	if !ok {
		list = []interface{}{forms}
	}
	for _, form := range list {
		if bytes.Equal(got, r.bytes(form, i)) {
			return true
		}
	}
	return false
}

func resultErrors(results []outcome) string {
	var codes []string
	for _, one := range results {
		if one.err != nil {
			codes = append(codes, codeOf(one.err))
		}
	}
	sort.Strings(codes)
	return strings.Join(codes, " ")
}

func wantedErrors(counts object) string {
	var codes []string
	for code, count := range counts {
		for n := 0; n < number(count); n++ {
			codes = append(codes, code)
		}
	}
	sort.Strings(codes)
	return strings.Join(codes, " ")
}

func everyShardLed(view *norikv.ClusterView) bool {
	dialable := map[string]bool{}
	for _, node := range view.Nodes {
		dialable[node.ID] = strings.Contains(node.Address, ":") && !strings.HasPrefix(node.Address, "0.0.0.0")
	}
	for _, shard := range view.Shards {
		leaders := 0
		for _, replica := range shard.Replicas {
			if replica.Leader && dialable[replica.NodeID] {
				leaders++
			}
		}
		if leaders != 1 {
			return false
		}
	}
	return len(view.Shards) > 0
}
