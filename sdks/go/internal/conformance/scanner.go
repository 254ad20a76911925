package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	norikv "github.com/norikv/norikv-go"
)

// scanner scans one prefix again and again and compares with the keys that must be there.
type scanner struct {
	done     int64
	stopping chan struct{}
	once     sync.Once
	ended    chan struct{}
	err      error // once ended
}

func startScanner(client *norikv.Client, prefix []byte, keys [][]byte) *scanner {
	s := &scanner{stopping: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		for s.err == nil {
			select {
			case <-s.stopping:
				return
			default:
			}
			if s.err = scanOnce(client, prefix, keys); s.err == nil {
				atomic.AddInt64(&s.done, 1)
			}
		}
	}()
	return s
}

func scanOnce(client *norikv.Client, prefix []byte, keys [][]byte) error {
	it := client.Scan(context.Background(), norikv.Prefix(prefix))
	defer it.Close()
	at := 0
	for ; it.Next(); at++ {
		if at == len(keys) || !bytes.Equal(it.Pair().Key, keys[at]) {
			return fmt.Errorf("key %d of a scan is another", at)
		}
	}
	if it.Err() == nil && at != len(keys) {
		return fmt.Errorf("a scan ended after %d of %d keys", at, len(keys))
	}
	return it.Err()
}

func (s *scanner) finish(more int, expect object) error {
	before, late := atomic.LoadInt64(&s.done), time.After(time.Minute)
	for running := true; running && atomic.LoadInt64(&s.done) < before+int64(more); {
		select {
		case <-s.ended:
			running = false
		case <-late:
			return fmt.Errorf("the scanner stands at %d", atomic.LoadInt64(&s.done))
		case <-time.After(20 * time.Millisecond):
		}
	}
	s.stop()
	var e *norikv.Error
	if errors.As(s.err, &e) && names(expect["errors"], e) {
		return nil
	}
	return s.err
}

func (s *scanner) stop() {
	s.once.Do(func() { close(s.stopping) })
	<-s.ended
}
