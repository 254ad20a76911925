#!/usr/bin/env bash
# slow
# alone
# Acceptance: ./norikv builds when it must, starts fast when it need not, becomes the program (its exit codes, its signals), and
# says what to do where dotnet is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
node=
finish() { [ -z "$node" ] || kill -TERM "$node" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

[ "$(./norikv shard-of hello)" = 309 ] || fail "shard-of hello is not 309"

best=100000
for _ in 1 2 3 4 5; do
  begun=$(milliseconds)
  ./norikv shard-of hello >/dev/null
  took=$(($(milliseconds) - begun))
  [ $took -lt $best ] && best=$took
done
echo "warm start: $best ms"
[ $best -lt 1000 ] || fail "a warm start took $best ms"

before=$(readlink .build/current)
touch src/NoriKV.Cli/Program.cs
./norikv shard-of hello 2>"$work/log" >/dev/null
grep -q building "$work/log" || fail "a changed source was not noticed"
[ "$(readlink .build/current)" != "$before" ] || fail "the running files were overwritten"

code=0; ./norikv get x --addr 127.0.0.1:1 2>"$work/log" || code=$?
[ $code = 3 ] || fail "nobody listens: exit code $code, not 3"
grep -q './norikv dev' "$work/log" || fail "the error does not say how to start a node"

mkdir "$work/bin"
for tool in bash env readlink dirname find flock mkdir cat grep; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
code=0; PATH=$work/bin ./norikv shard-of x 2>"$work/log" || code=$?
[ $code = 127 ] || fail "without dotnet the exit code is $code, not 127"
grep -q 'Install the .NET 10 SDK' "$work/log" || fail "without dotnet it does not say what to install"

./norikv dev --rpc-addr 127.0.0.1:0 --http-addr 127.0.0.1:0 >"$work/ready" 2>"$work/log" </dev/null &
node=$!
for _ in $(seq 1200); do grep -q '^ready' "$work/ready" && break; sleep 0.1; done
http=$(sed -n 's/^ready .* http=\([^ ]*\) .*/\1/p' "$work/ready")
[ -n "$http" ] || { cat "$work/log" >&2; fail "dev was not ready"; }
if command -v curl >/dev/null; then
  curl -sf -X PUT --data-binary hello "http://$http/kv/greeting" >/dev/null || fail "put by curl"
  [ "$(curl -sf "http://$http/kv/greeting")" = hello ] || fail "get by curl"
fi
kill -TERM "$node"
wait "$node" || fail "dev ended with $?"
node=
echo "builds, starts, becomes, teaches"
