package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	norikv "github.com/norikv/norikv-go"
)

// writers each count up their own key with compare-and-set: a write done twice meets its own effect, a lost one is missed.
// By kind: put; plain: without a condition; large: values of 1 MiB; batch: with a second key; delete: the key is made and deleted again.
type writers struct {
	client   *norikv.Client
	stopping chan struct{}
	once     sync.Once
	running  sync.WaitGroup

	mu            sync.Mutex
	done          []int
	ended         []bool
	errs          []error
	lost, doubled int
}

func startWriters(client *norikv.Client, d data, count int, kinds interface{}) *writers {
	w := &writers{client: client, stopping: make(chan struct{}), done: make([]int, count), ended: make([]bool, count)}
	for i := 0; i < count; i++ {
		w.running.Add(1)
		go func(i int) {
			defer w.running.Done()
			kind := "put"
			if all, ok := kinds.([]interface{}); ok {
				kind = all[i%len(all)].(string)
			}
			err := w.write(i, kind, d.key(fmt.Sprintf("writer-%d", i), ""))
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ended[i] = true
			switch {
			case errors.Is(err, norikv.ErrVersionMismatch), errors.Is(err, norikv.ErrAlreadyExists):
				w.doubled++
			case err != nil:
				w.errs = append(w.errs, err)
			}
		}(i)
	}
	return w
}

func (w *writers) write(i int, kind string, key []byte) error {
	ctx := context.Background()
	var version norikv.Version
	var value []byte
	for n := 1; ; n++ {
		select {
		case <-w.stopping:
			return w.check(ctx, key, value, version)
		default:
		}
		value = []byte(strconv.Itoa(n))
		if kind == "large" {
			value = append(value, make([]byte, 1<<20-len(value))...)
		}
		var err error
		if version, err = w.writeOnce(ctx, kind, key, value, version); err != nil {
			return err
		}
		if err := w.check(ctx, key, value, version); err != nil {
			return err
		}
		if kind == "batch" {
			too, err := w.client.Get(ctx, second(key))
			if err != nil {
				return err
			}
			if !bytes.Equal(too.Value, value) {
				w.mu.Lock()
				w.lost++
				w.mu.Unlock()
			}
		}
		if kind == "delete" {
			deleted, err := w.client.Delete(ctx, key, norikv.IfMatch(version))
			if err != nil {
				return err
			}
			if !deleted.Tombstoned { // deleted once: twice would find nothing
				w.mu.Lock()
				w.doubled++
				w.mu.Unlock()
			}
			version, value = norikv.Version{}, nil
			if err := w.check(ctx, key, value, version); err != nil {
				return err
			}
		}
		w.mu.Lock()
		w.done[i]++
		w.mu.Unlock()
	}
}

func (w *writers) writeOnce(ctx context.Context, kind string, key, value []byte, version norikv.Version) (norikv.Version, error) {
	if kind != "batch" {
		write := func() (*norikv.PutResult, error) { return w.client.CompareAndSet(ctx, key, value, version) }
		if kind == "plain" {
			write = func() (*norikv.PutResult, error) { return w.client.Put(ctx, key, value) }
		}
		put, err := write()
		if err != nil {
			return version, err
		}
		return put.Version, nil
	}
	condition := norikv.IfNotExists()
	if version.IsPresent() {
		condition = norikv.IfMatch(version)
	}
	results, err := w.client.Batch(ctx, []norikv.Operation{
		norikv.PutOp(key, value, condition), norikv.PutOp(second(key), value)})
	if err != nil {
		return version, err
	}
	for _, one := range results {
		if one.Err != nil {
			return version, one.Err
		}
	}
	return results[0].Put.Version, nil
}

func second(key []byte) []byte { return append(key[:len(key):len(key)], "-too"...) }

func (w *writers) check(ctx context.Context, key, value []byte, version norikv.Version) error {
	got, err := w.client.Get(ctx, key)
	if err != nil {
		return err
	}
	if got.Version != version || !bytes.Equal(got.Value, value) {
		w.mu.Lock()
		w.lost++
		w.mu.Unlock()
	}
	return nil
}

func (w *writers) written(more int) error {
	w.mu.Lock()
	before := append([]int(nil), w.done...)
	w.mu.Unlock()
	for begun := time.Now(); !w.reached(before, more); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			return fmt.Errorf("the writers stand at %v", w.done)
		}
	}
	return nil
}

func (w *writers) finish(more int, expect object) error {
	if err := w.written(more); err != nil {
		return err
	}
	w.stop()
	for _, err := range w.errs {
		if !names(expect["errors"], err) {
			return fmt.Errorf("a writer saw %w", err)
		}
	}
	if w.lost != number(expect["lost"]) || w.doubled != number(expect["doubled"]) {
		return fmt.Errorf("%d lost, %d doubled", w.lost, w.doubled)
	}
	return nil
}

func (w *writers) reached(before []int, more int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range before {
		if !w.ended[i] && w.done[i] < before[i]+more {
			return false
		}
	}
	return true
}

func (w *writers) stop() {
	w.once.Do(func() { close(w.stopping) })
	w.running.Wait()
}
