package main

import (
	"bytes"
	"context"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"

	norikv "github.com/norikv/norikv-go"
)

const benchKeys = 10_000

// bench measures throughput, latency and CPU of puts and gets against the node of NORIKV_ADDR: see sdks/conformance/bench.py.
type bench struct {
	client *norikv.Client
	keys   [][]byte
}

func runBench(length, warmUp string) error {
	seconds, err := strconv.ParseFloat(length, 64)
	if err != nil {
		return err
	}
	before, err := strconv.ParseFloat(warmUp, 64)
	if err != nil {
		return err
	}
	client, err := norikv.Connect()
	if err != nil {
		return err
	}
	defer client.Close()
	b := &bench{client: client}
	for i := 0; i < benchKeys; i++ {
		b.keys = append(b.keys, []byte(fmt.Sprintf("bench-%010d", i)))
	}
	for _, size := range []int{100, 100, 1024} {
		value := bytes.Repeat([]byte("v"), size)
		if err := b.load(value); err != nil {
			return err
		}
		for _, concurrency := range []int{64, 1} {
			for _, operation := range []string{"put", "get"} {
				if _, err := b.measure(operation, value, concurrency, before); err != nil {
					return err
				}
				row, err := b.measure(operation, value, concurrency, seconds)
				if err != nil {
					return err
				}
				fmt.Println(asText(row))
			}
		}
	}
	return nil
}

func (b *bench) load(value []byte) error {
	return together(64, func(worker int) error {
		for i := worker; i < benchKeys; i += 64 {
			if err := b.do("put", b.keys[i], value); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *bench) measure(operation string, value []byte, concurrency int, seconds float64) (object, error) {
	each := make([][]time.Duration, concurrency)
	cpu, begun := cpuTime(), time.Now()
	end := begun.Add(time.Duration(seconds * float64(time.Second)))
	err := together(concurrency, func(worker int) error {
		var took []time.Duration
		next := worker * benchKeys / concurrency
		for before := time.Now(); before.Before(end); next++ {
			if err := b.do(operation, b.keys[next%benchKeys], value); err != nil {
				return err
			}
			after := time.Now()
			took = append(took, after.Sub(before))
			before = after
		}
		each[worker] = took
		return nil
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(begun)
	cpu = cpuTime() - cpu
	var all []time.Duration
	for _, some := range each {
		all = append(all, some...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return object{
		"operation": operation, "value_bytes": len(value), "concurrency": concurrency, "operations": len(all), "seconds": took.Seconds(),
		"p50_us": micros(all[len(all)/2]), "p99_us": micros(all[len(all)*99/100]), "cpu_us": micros(cpu) / float64(len(all)),
	}, nil
}

func (b *bench) do(operation string, key, value []byte) error {
	if operation == "put" {
		_, err := b.client.Put(context.Background(), key, value)
		return err
	}
	got, err := b.client.Get(context.Background(), key)
	if err == nil && len(got.Value) != len(value) {
		return fmt.Errorf("%s: not the value that was put", key)
	}
	return err
}

func together(count int, work func(worker int) error) error {
	errs := make([]error, count)
	var running sync.WaitGroup
	for i := 0; i < count; i++ {
		running.Add(1)
		go func(i int) {
			defer running.Done()
			errs[i] = work(i)
		}(i)
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// cpuTime is what the process has used, user and system.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
