#!/usr/bin/env bash
# Writes anew what the SDKs check in of proto/norikv.proto: run it after changing that. Java generates its own when it is built.
# Needs protoc and protoc-gen-go (Debian: protobuf-compiler protoc-gen-go) and node.
set -euo pipefail
cd "$(dirname "$0")"
protoc -I ../proto --python_out=python/norikv/_proto norikv.proto
protoc -I ../proto --go_out=go --go_opt=module=github.com/norikv/norikv-go norikv.proto
(cd typescript && node embed-proto.cjs)
