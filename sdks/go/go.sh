#!/usr/bin/env bash
# Runs go in this module against Debian's packages, without a network: in GOPATH mode, the module linked into a GOPATH.
# With Go modules of the network at hand plain `go test ./...` does the same after `go mod tidy`.
set -euo pipefail
home=$(cd "$(dirname "$0")" && pwd)
gopath=$home/.gopath
mkdir -p "$gopath/src/github.com/norikv"
ln -sfn "$home" "$gopath/src/github.com/norikv/norikv-go"
export GO111MODULE=off GOPATH=$gopath:/usr/share/gocode GOFLAGS=
cd "$gopath/src/github.com/norikv/norikv-go"
exec go "$@"
