#!/usr/bin/env bash
# Acceptance: the conformance suite by every SDK that this machine can run, and the matrix scenario × language.
# Alone: tests/acceptance/conformance.sh [LANGUAGE…]. With QUICK=1 the scenarios that need a cluster are left out.
set -uo pipefail
cd "$(dirname "$0")/../.."

out=artifacts/conformance
mkdir -p "$out"
rm -f "$out"/*.json
built=$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
if [ -z "${NORIKV_SERVER:-}" ]; then
  if [ -f "$built" ]; then export NORIKV_SERVER="dotnet $built"; else export NORIKV_SERVER=$PWD/norikv; fi
fi
: >"$out/server-errors.log"
export NORIKV_SERVER="bash $PWD/sdks/conformance/logged.sh $PWD/$out/server-errors.log $NORIKV_SERVER"
export PYTHONDONTWRITEBYTECODE=1 no_proxy=127.0.0.1,localhost
[ "${QUICK:-0}" = 1 ] && NORIKV_CONFORMANCE_ONLY=$(/usr/bin/python3 sdks/conformance/matrix.py --single) && export NORIKV_CONFORMANCE_ONLY
failed=0

wanted() { [ $# -lt 2 ] && return 0; local language=$1; shift; [[ " $* " == *" $language "* ]]; }
# Most of a run is waiting (for servers to start, for deadlines to pass): three languages at once.
running=()
run() {
  local language=$1; shift
  [ ${#running[@]} -lt 3 ] || finish_one
  # One that hangs is asked where it stands (Go, Java and Python say it) before it is ended.
  NORIKV_CONFORMANCE_RESULTS=$out/$language.json timeout --signal=QUIT --kill-after=10 900 "$@" >"$out/$language.log" 2>&1 </dev/null &
  running+=("$language:$!")
}
finish_one() {
  local language=${running[0]%:*} pid=${running[0]#*:}
  running=("${running[@]:1}")
  wait "$pid" || {
    failed=1
    echo "--- $language (exit code $?)"; grep -v '^passed ' "$out/$language.log" | head -100
  }
  [ -f "$out/$language.json" ] || { failed=1; echo "--- $language left no results; the last that passed:"; grep '^passed ' "$out/$language.log" | tail -n 1; }
}
source tests/absent.sh

csharp=sdks/conformance/csharp/bin/Release/net10.0/NoriKV.Conformance.dll
[ -f "$csharp" ] || csharp=sdks/conformance/csharp/bin/Debug/net10.0/NoriKV.Conformance.dll
if wanted csharp "$@"; then
  if [ -f "$csharp" ]; then run csharp dotnet "$csharp"; else echo "csharp was not built: dotnet build sdks/conformance/csharp"; failed=1; fi
fi
if wanted python "$@"; then
  if /usr/bin/python3 -c 'import grpc, google.protobuf' 2>/dev/null; then run python /usr/bin/python3 sdks/python/tests/conformance.py
  else absent python "sudo apt-get install -y python3-grpcio python3-protobuf" || failed=1; fi
fi
if wanted typescript "$@"; then
  if command -v npm >/dev/null && bash sdks/typescript/prepare.sh; then run typescript node sdks/typescript/test/conformance.mjs
  else absent typescript "install Node 20.3 or later, then (cd sdks/typescript && npm ci)" || failed=1; fi
fi
if wanted go "$@"; then
  if command -v go >/dev/null && [ -d /usr/share/gocode/src/google.golang.org/grpc ]; then
    if bash sdks/go/go.sh build -o "$PWD/$out/go-runner" ./internal/conformance; then run go "$out/go-runner" sdks/conformance; else failed=1; fi
  else absent go "sudo apt-get install -y golang-go golang-google-grpc-dev golang-google-protobuf-dev golang-github-golang-protobuf-1-5-dev" || failed=1; fi
fi
if wanted java "$@"; then
  missing=$(bash sdks/java/java.sh missing)
  if [ -n "$missing" ]; then absent java "sudo apt-get install -y --no-install-recommends $missing" || failed=1
  elif bash sdks/java/java.sh build; then run java bash sdks/java/java.sh run com.norikv.conformance.Conformance sdks/conformance
  else failed=1; fi
fi
while [ ${#running[@]} -gt 0 ]; do finish_one; done

python3=/usr/bin/python3
[ $failed = 0 ] || { echo "--- what servers called errors"; head -60 "$out/server-errors.log"; }
command -v $python3 >/dev/null || { absent "the matrix, which python3 prints" "sudo apt-get install -y python3" || failed=1; exit $failed; }
$python3 sdks/conformance/matrix.py "$out"/*.json || failed=1
exit $failed
