#!/usr/bin/env bash
# Acceptance: the Python SDK: its unit tests, its README and examples as they stand against the real server. The conformance
# suite runs in conformance.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=/usr/bin/python3
if ! "$python" -c 'import grpc, google.protobuf' 2>/dev/null || ! command -v protoc >/dev/null; then
  bash tests/prerequisites.sh
  "$python" -c 'import grpc, google.protobuf' 2>/dev/null || {
    source tests/absent.sh
    absent python "sudo apt-get install -y python3-grpcio python3-protobuf protobuf-compiler" && exit 0
    exit 1
  }
fi

built=$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
if [ -z "${NORIKV_SERVER:-}" ]; then
  if [ -f "$built" ]; then export NORIKV_SERVER="dotnet $built"; else export NORIKV_SERVER=$PWD/norikv; fi
fi
export PYTHONDONTWRITEBYTECODE=1 no_proxy=127.0.0.1,localhost
timeout 900 "$python" -m unittest discover -s sdks/python/tests
