package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	norikv "github.com/norikv/norikv-go"
	"github.com/norikv/norikv-go/norikvtest"
)

// run is one scenario: its client, what it saved, its steps one after the other.
type run struct {
	data
	root     string
	scenario object
	server   *norikvtest.Server // nil where there is a cluster
	cluster  *cluster           // nil where there is one server
	client   *norikv.Client
	mu       sync.Mutex // guards saved
	saved    map[string]interface{}
	writers  *writers
	scanner  *scanner
	views    chan *norikv.ClusterView
	view     *norikv.ClusterView
	unwatch  context.CancelFunc
	silent   net.Listener
	occupied net.Listener
	begun    map[string]*background
}

// background is a step that goes on while others run.
type background struct {
	cancel context.CancelFunc
	done   chan outcome
}

func newRun(root string, scenario object, server *norikvtest.Server, several *cluster) *run {
	var id [4]byte
	_, _ = rand.Read(id[:])
	prefix := fmt.Sprintf("%s/%s/", scenario["name"], hex.EncodeToString(id[:]))
	return &run{
		data: data{prefix}, root: root, scenario: scenario, server: server, cluster: several, saved: map[string]interface{}{},
		begun: map[string]*background{},
	}
}

func (r *run) all() (err error) {
	options, _ := r.scenario["client"].(object)
	if err := r.connect(options); err != nil {
		return err
	}
	defer func() {
		for _, one := range r.begun {
			one.cancel()
		}
		if r.writers != nil {
			r.writers.stop()
		}
		if r.scanner != nil {
			r.scanner.stop()
		}
		if r.unwatch != nil {
			r.unwatch()
		}
		r.client.Close()
		if r.silent != nil {
			r.silent.Close()
		}
		if r.occupied != nil {
			r.occupied.Close()
		}
	}()
	for i, one := range r.scenario["steps"].([]interface{}) {
		step := one.(object)
		if err := r.step(step); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, step["do"], err)
		}
	}
	return nil
}

func (r *run) connect(options object) error {
	deadline := 30 * time.Second
	if ms, ok := options["deadline_ms"]; ok {
		deadline = time.Duration(number(ms)) * time.Millisecond
	}
	addresses, err := r.addresses(options)
	if err != nil {
		return err
	}
	chosen := []norikv.ConnectOption{norikv.WithAddresses(addresses...), norikv.WithDeadline(deadline)}
	if retries, ok := options["retries"].(bool); ok && !retries {
		chosen = append(chosen, norikv.WithRetry(norikv.NoRetry))
	}
	if attempts, ok := options["attempts"]; ok {
		policy := norikv.DefaultRetry
		policy.AttemptsMax = number(attempts)
		chosen = append(chosen, norikv.WithRetry(policy))
	}
	if places, ok := options["in_flight_max"]; ok {
		chosen = append(chosen, norikv.WithInFlightMax(number(places)))
	}
	if smart, ok := options["smart_routing"].(bool); ok {
		chosen = append(chosen, norikv.WithSmartRouting(smart))
	}
	if file, ok := options["tls"].(string); ok {
		pem, err := os.ReadFile(filepath.Join(r.root, file))
		if err != nil {
			return err
		}
		name, _ := options["server_name"].(string)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		chosen = append(chosen, norikv.WithTLS(&tls.Config{RootCAs: roots, ServerName: name}))
	}
	client, err := norikv.Connect(chosen...)
	if err == nil {
		r.client = client
	}
	return err
}

func (r *run) addresses(options object) (addresses []string, err error) {
	own := []string{""}
	if r.cluster != nil {
		own = r.cluster.addresses
	} else {
		own[0] = r.server.Address
	}
	named, ok := options["addresses"].([]interface{})
	if !ok {
		return own, nil
	}
	for _, name := range named {
		switch name {
		case "server":
			addresses = append(addresses, own...)
		case "silent": // it takes connections and says nothing: nobody accepts them
			if r.silent == nil {
				if r.silent, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
					return nil, err
				}
			}
			addresses = append(addresses, r.silent.Addr().String())
		default:
			addresses = append(addresses, name.(string))
		}
	}
	return addresses, nil
}

func (r *run) step(step object) error {
	if node, ok := step["node"]; ok {
		command := fmt.Sprintf("%s %v", step["do"], node)
		if node == "leading" {
			command += " " + hex.EncodeToString(r.key(step["key"], ""))
		}
		return r.cluster.tell(command)
	}
	switch step["do"] {
	case "transfer":
		if key, ok := step["key"]; ok {
			return r.cluster.tell("transfer key " + hex.EncodeToString(r.key(key, "")))
		}
		return r.cluster.tell(fmt.Sprintf("transfer shards %d", number(step["shards"])))
	case "stop":
		r.server.Stop()
	case "kill":
		r.server.Kill()
	case "start":
		err := r.server.StartAgain()
		if !flag(step, "fails") {
			return err
		}
		if err == nil {
			return errors.New("it started")
		}
	case "occupy":
		var err error
		r.occupied, err = net.Listen("tcp", r.server.Address)
		return err
	case "free":
		return r.occupied.Close()
	case "orphan":
		return outlived(step["how"].(string))
	case "restart":
		r.server.Stop()
		return r.server.StartAgain()
	case "pause":
		return r.pause()
	case "resume":
		return syscall.Kill(r.server.Pid(), syscall.SIGCONT)
	case "many":
		return r.many(step)
	case "start_writing":
		r.writers = startWriters(r.client, r.data, number(step["writers"]), step["kinds"])
	case "written":
		return r.writers.written(number(step["more"]))
	case "stop_writing":
		return r.writers.finish(number(step["more"]), step["expect"].(object))
	case "start_scanning":
		r.scanner = startScanner(r.client, r.key(step["prefix"], ""), r.keys(step["expect_keys"]))
	case "stop_scanning":
		return r.scanner.finish(number(step["more"]), step["expect"].(object))
	case "begin":
		r.begin(step["as"].(string), step["step"].(object))
	case "cancel":
		r.begun[step["of"].(string)].cancel()
	case "end":
		return r.end(step)
	case "printed":
		return r.printed(step["lines"].([]interface{}))
	case "hash_vectors":
		return hashVectors(filepath.Join(r.root, step["file"].(string)))
	default:
		return r.one(step, "")
	}
	return nil
}

func (r *run) begin(name string, step object) {
	ctx, cancel := context.WithCancel(context.Background())
	one := &background{cancel: cancel, done: make(chan outcome, 1)}
	r.begun[name] = one
	go func() { one.done <- r.operation(ctx, step, "") }()
}

func (r *run) end(step object) error {
	name := step["of"].(string)
	one := r.begun[name]
	delete(r.begun, name)
	defer one.cancel()
	select {
	case o := <-one.done:
		expect := step["expect"].(object)
		if _, wanted := expect["cancelled"]; wanted && errors.Is(o.err, context.Canceled) && codeOf(o.err) == string(norikv.CodeCancelled) {
			o = outcome{cancelled: true}
		}
		return r.differs(o, expect, "")
	case <-time.After(10 * time.Second):
		return fmt.Errorf("%s did not end", name)
	}
}

func (r *run) printed(wanted []interface{}) error {
	lines := make([]string, len(wanted))
	for i := range wanted {
		lines[i] = wanted[i].(string)
	}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		var got []string
		for _, line := range strings.Split(r.server.Output(), "\n") {
			if strings.HasPrefix(line, "got ") {
				got = append(got, line)
			}
		}
		if strings.Join(got, ",") == strings.Join(lines, ",") {
			return nil
		}
		if len(got) > len(lines) || time.Since(begun) > 30*time.Second {
			return fmt.Errorf("the node printed %v", got)
		}
	}
}

// pause waits until all threads stand: the signal is under way when kill ends.
func (r *run) pause() error {
	if err := syscall.Kill(r.server.Pid(), syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", r.server.Pid()))
		standing := 0
		for _, path := range stats {
			text, _ := os.ReadFile(path)
			if at := strings.LastIndexByte(string(text), ')'); at > 0 && text[at+2] == 'T' {
				standing++
			}
		}
		if standing == len(stats) {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (r *run) many(many object) error {
	step, expect := many["step"].(object), many["expect"]
	digits, count := number(many["digits"]), number(many["count"])
	errs := make([]error, count)
	var all sync.WaitGroup
	for i := 0; i < count; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			text := fmt.Sprintf("%0*d", digits, i)
			if expect == nil {
				errs[i] = r.one(step, text)
			} else {
				errs[i] = r.attempt(step, text).err
			}
		}(i)
	}
	all.Wait()
	succeeded := 0
	for _, err := range errs {
		switch {
		case err == nil:
			succeeded++
		case expect == nil || !names(expect.(object)["errors"], err):
			return fmt.Errorf("one of the many: %w", err)
		}
	}
	if expect == nil {
		return nil
	}
	exactly, has := expect.(object)["succeeded"]
	if has && succeeded != number(exactly) || succeeded < number(expect.(object)["succeeded_at_least"]) {
		return fmt.Errorf("%d succeeded", succeeded)
	}
	return nil
}

func (r *run) one(step object, i string) error {
	if until, ok := step["until"].(object); ok {
		for begun := time.Now(); time.Since(begun).Milliseconds() < int64(number(step["within_ms"])); time.Sleep(20 * time.Millisecond) {
			if r.differs(r.attempt(step, i), until, i) == nil {
				return nil
			}
		}
		return fmt.Errorf("never came to %v", until)
	}
	o := r.attempt(step, i)
	expect, _ := step["expect"].(object)
	if err := r.differs(o, expect, i); err != nil {
		return err
	}
	if name, ok := step["save"].(string); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.saved[name] = o.version; step["do"] == "page" {
			r.saved[name] = o.token
		}
	}
	return nil
}

func (r *run) attempt(step object, i string) outcome {
	begun := time.Now()
	ctx := context.Background()
	if ms, ok := step["deadline_ms"]; ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(number(ms))*time.Millisecond)
		defer cancel()
	}
	o := r.operation(ctx, step, i)
	o.took = time.Since(begun)
	return o
}

func (r *run) operation(ctx context.Context, step object, i string) outcome {
	switch step["do"] {
	case "client":
		r.client.Close()
		return outcome{err: r.connect(step)}
	case "close":
		r.client.Close()
		return outcome{}
	case "put":
		result, err := r.client.Put(ctx, r.key(step["key"], i), r.bytes(step["value"], i), r.options(step, i)...)
		return putOutcome(result, err)
	case "get":
		read := r.client.Get
		if flag(step, "must_exist") {
			read = r.client.GetRequired
		}
		result, err := read(ctx, r.key(step["key"], i), r.options(step, i)...)
		return getOutcome(result, err)
	case "delete":
		result, err := r.client.Delete(ctx, r.key(step["key"], i), r.options(step, i)...)
		return deleteOutcome(result, err)
	case "batch":
		return r.batch(ctx, step, i)
	case "scan":
		it := r.client.Scan(ctx, r.options(step, i)...)
		defer it.Close()
		o := outcome{}
		slow, _ := step["slow"].(object)
		for it.Next() {
			o.pairs = append(o.pairs, it.Pair())
			if slow != nil && len(o.pairs) == number(slow["at"]) {
				time.Sleep(time.Duration(number(slow["ms"])) * time.Millisecond)
			}
		}
		o.err = it.Err()
		return o
	case "page":
		page, err := r.client.ScanPage(ctx, r.options(step, i)...)
		if err != nil {
			return outcome{err: err}
		}
		return outcome{pairs: page.Pairs, token: page.NextPageToken}
	case "count":
		count, err := r.client.Count(ctx, r.options(step, i)...)
		return outcome{count: count, err: err}
	case "view":
		view, err := r.client.ClusterView(ctx)
		return outcome{view: view, err: err}
	case "health":
		serving, err := r.client.IsServing(ctx)
		return outcome{serving: serving, err: err}
	case "watch":
		return r.watch()
	case "watch_newer":
		return r.watchNewer()
	}
	return outcome{err: fmt.Errorf("the runner does not know the step %s", step["do"])}
}

func (r *run) batch(ctx context.Context, step object, i string) outcome {
	var operations []norikv.Operation
	for _, one := range step["operations"].([]interface{}) {
		for kind, fields := range one.(object) {
			f := fields.(object)
			switch key := r.key(f["key"], i); kind {
			case "put":
				operations = append(operations, norikv.PutOp(key, r.bytes(f["value"], i), r.options(f, i)...))
			case "delete":
				operations = append(operations, norikv.DeleteOp(key, r.options(f, i)...))
			default:
				operations = append(operations, norikv.GetOp(key, r.options(f, i)...))
			}
		}
	}
	results, err := r.client.Batch(ctx, operations, r.options(step, i)...)
	o := outcome{err: err}
	for _, one := range results {
		switch {
		case one.Put != nil:
			o.results = append(o.results, putOutcome(one.Put, nil))
		case one.Get != nil:
			o.results = append(o.results, getOutcome(one.Get, nil))
		case one.Delete != nil:
			o.results = append(o.results, deleteOutcome(one.Delete, nil))
		default:
			o.results = append(o.results, outcome{err: one.Err})
		}
	}
	return o
}

func (r *run) options(step object, i string) (options []norikv.Option) {
	ms := func(name string) time.Duration { return time.Duration(number(step[name])) * time.Millisecond }
	var bounds [2][]byte
	for name := range step {
		switch name {
		case "ttl_ms":
			options = append(options, norikv.TTL(ms(name)))
		case "if_match":
			options = append(options, norikv.IfMatch(r.savedVersion(step[name])))
		case "if_not_exists":
			options = append(options, norikv.IfNotExists())
		case "idempotency_key":
			options = append(options, norikv.IdempotencyKey(r.text(step[name].(string), i)))
		case "require_atomic":
			options = append(options, norikv.RequireAtomic())
		case "consistency":
			options = append(options, norikv.ReadConsistency(norikv.Consistency(step[name].(string))))
		case "max_staleness_ms":
			options = append(options, norikv.MaxStaleness(ms(name)))
		case "prefix":
			options = append(options, norikv.Prefix(r.key(step[name], i)))
		case "start":
			bounds[0] = r.key(step[name], i)
		case "end":
			bounds[1] = r.key(step[name], i)
		case "reverse":
			options = append(options, norikv.Reverse())
		case "limit":
			options = append(options, norikv.Limit(int64(number(step[name]))))
		case "keys_only":
			options = append(options, norikv.KeysOnly())
		case "page_token":
			options = append(options, norikv.PageToken(r.saved[step[name].(string)[1:]].([]byte)))
		}
	}
	return append(options, norikv.Range(bounds[0], bounds[1]))
}

func (r *run) savedVersion(name interface{}) norikv.Version {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.saved[name.(string)[1:]].(norikv.Version)
}

func (r *run) watch() outcome {
	var ctx context.Context
	ctx, r.unwatch = context.WithCancel(context.Background())
	r.views = make(chan *norikv.ClusterView, 100)
	go func() {
		_ = r.client.WatchCluster(ctx, func(view *norikv.ClusterView) bool {
			r.views <- view
			return true
		})
	}()
	select {
	case r.view = <-r.views:
		return outcome{view: r.view}
	case <-time.After(time.Minute):
		return outcome{err: errors.New("no view came")}
	}
}

func (r *run) watchNewer() outcome {
	late := time.After(time.Minute)
	for {
		select {
		case view := <-r.views:
			if view.Epoch > r.view.Epoch && everyShardLed(view) {
				return outcome{view: view}
			}
		case <-late:
			return outcome{err: errors.New("no newer view came")}
		}
	}
}

func hashVectors(file string) error {
	var document struct {
		Counts  []int `json:"shard_counts"`
		Vectors []vector
		Tagged  []vector `json:"hash_tags"`
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		return err
	}
	check := func(vectors []vector, tags bool) error {
		for _, v := range vectors {
			key := unhex(v.Key)
			hashed := key
			if tags {
				hashed = norikv.HashedPart(key)
			}
			if strconv.FormatUint(norikv.XxHash64(hashed), 10) != v.Hash {
				return fmt.Errorf("hash of %s", v.Key)
			}
			for i, n := range document.Counts {
				if norikv.ShardOf(key, n, tags) != v.Shards[i] {
					return fmt.Errorf("shard of %s of %d", v.Key, n)
				}
			}
		}
		return nil
	}
	if err := check(document.Vectors, false); err != nil {
		return err
	}
	return check(document.Tagged, true)
}

type vector struct {
	Key    string `json:"key_hex"`
	Hash   string `json:"xxh64"`
	Shards []int
}
