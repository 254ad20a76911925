// Package norikv is the Go SDK of NoriKV, a distributed key-value store.
//
// A Client is safe for concurrent use: make one and share it. Concurrent operations to one node share a pipelined stream;
// failures are retried within the deadline, writes under an idempotency key so that each is done at most once.
package norikv
