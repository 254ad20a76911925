#!/usr/bin/env bash
# Acceptance: the Go SDK: vet, its unit tests, its README and example as they stand against the real server. The conformance
# suite runs in conformance.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v go >/dev/null || [ ! -d /usr/share/gocode/src/google.golang.org/grpc ]; then
  source tests/absent.sh
  absent go "sudo apt-get install -y golang-go golang-google-grpc-dev golang-google-protobuf-dev golang-github-golang-protobuf-1-5-dev" && exit 0
  exit 1
fi
built=$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
if [ -z "${NORIKV_SERVER:-}" ]; then
  if [ -f "$built" ]; then export NORIKV_SERVER="dotnet $built"; else export NORIKV_SERVER=$PWD/norikv; fi
fi
unformatted=$(gofmt -l sdks/go/*.go sdks/go/norikvtest sdks/go/internal sdks/go/examples)
[ -z "$unformatted" ] || { echo "not as gofmt writes it: $unformatted"; exit 1; }
timeout 900 bash sdks/go/go.sh vet . ./norikvtest ./internal/conformance ./examples/counter
timeout 900 bash sdks/go/go.sh test -count=1 -timeout 880s .
