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

func startWriters(client *norikv.Client, d data, count int) *writers {
	w := &writers{client: client, stopping: make(chan struct{}), done: make([]int, count), ended: make([]bool, count)}
	for i := 0; i < count; i++ {
		w.running.Add(1)
		go func(i int) {
			defer w.running.Done()
			err := w.write(i, d.key(fmt.Sprintf("writer-%d", i), ""))
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

func (w *writers) write(i int, key []byte) error {
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
		put, err := w.client.CompareAndSet(ctx, key, value, version)
		if err != nil {
			return err
		}
		version = put.Version
		if err := w.check(ctx, key, value, version); err != nil {
			return err
		}
		w.mu.Lock()
		w.done[i]++
		w.mu.Unlock()
	}
}

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
