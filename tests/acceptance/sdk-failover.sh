#!/usr/bin/env bash
# Acceptance: all SDKs at once write and read with a deadline of 10 s against three nodes, of which the one that leads most shards is killed
# every 5 s and started again 2 s later: no error, no lost and no doubled write. Half a minute here; two minutes:
# tests/acceptance/sdk-failover.sh 120
# slow
# alone
set -uo pipefail
cd "$(dirname "$0")/../.."

source tests/absent.sh
python=/usr/bin/python3
"$python" -c 'import grpc, google.protobuf' 2>/dev/null || {
  absent "python, which also kills the nodes" "sudo apt-get install -y python3-grpcio python3-protobuf"; exit $?; }
failed=0
built=$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
if [ -z "${NORIKV_SERVER:-}" ]; then
  if [ -f "$built" ]; then export NORIKV_SERVER="dotnet $built"; else export NORIKV_SERVER=$PWD/norikv; fi
fi
export PYTHONDONTWRITEBYTECODE=1 no_proxy=127.0.0.1,localhost
out=artifacts/conformance
mkdir -p "$out"

runners=("python=$python sdks/python/tests/conformance.py")
csharp=sdks/conformance/csharp/bin/Release/net10.0/NoriKV.Conformance.dll
[ -f "$csharp" ] || csharp=sdks/conformance/csharp/bin/Debug/net10.0/NoriKV.Conformance.dll
if [ -f "$csharp" ]; then runners+=("csharp=dotnet $csharp"); else echo "csharp is not built"; exit 1; fi
if command -v npm >/dev/null && bash sdks/typescript/prepare.sh; then runners+=("typescript=node sdks/typescript/test/conformance.mjs")
else absent typescript "install Node 20.3 or later, then (cd sdks/typescript && npm ci)" || failed=1; fi
if command -v go >/dev/null && [ -d /usr/share/gocode/src/google.golang.org/grpc ]; then
  bash sdks/go/go.sh build -o "$PWD/$out/go-soak" ./internal/conformance || exit 1
  runners+=("go=$out/go-soak")
else absent go "sudo apt-get install -y golang-go golang-google-grpc-dev golang-google-protobuf-dev golang-github-golang-protobuf-1-5-dev" || failed=1; fi
missing=$(bash sdks/java/java.sh missing)
if [ -z "$missing" ]; then
  bash sdks/java/java.sh build || exit 1
  runners+=("java=bash sdks/java/java.sh run com.norikv.conformance.Conformance")
else absent java "sudo apt-get install -y --no-install-recommends $missing" || failed=1; fi

timeout $((${1:-30} * 4 + 240)) "$python" sdks/conformance/soak.py "${1:-30}" "${runners[@]}" || failed=1
exit $failed
