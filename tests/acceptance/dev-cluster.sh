#!/usr/bin/env bash
# Acceptance: `norikv dev --nodes 3` as a newcomer has it. How long from its start until all three serve; then, in the middle of
# `norikv bench`, each node in turn is killed and started again by the line that dev printed: no operation fails, and what was
# written before is there. Prints the figures; judges failures and losses, not times, which a busy machine makes.
# slow
set -uo pipefail
cd "$(dirname "$0")/../.."
export no_proxy=127.0.0.1,localhost
built=${NORIKV_DLL:-$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll}
[ -f "$built" ] || ./norikv --version >/dev/null || exit 70
if [ -f "$built" ]; then program=(dotnet "$built"); else program=(./norikv); fi
norikv() { "${program[@]}" "$@"; }
patient=(--timeout 60s) # What a busy machine may take.

work=$(mktemp -d)
pids=()
finish() {
  for p in "${pids[@]}"; do kill -KILL "$p" 2>/dev/null; done
  wait 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
fail() { echo "FAILED: $*" >&2; tail -n 20 "$work"/*.err >&2; exit 1; }
now() { date +%s%3N; }
await() { # seconds, what, command...
  local until=$((SECONDS + $1)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || fail "$what"
    sleep 0.05
  done
}
ready() { [ "$(grep -c '^ready' "$work/dev.out")" -ge 3 ]; }
clean() { norikv cluster health --addr "$1"; }

begun=$(now)
NORI_LAUNCHER=norikv "${program[@]}" dev --nodes 3 --data-dir "$work/data" --rpc-addr 127.0.0.1:0 --http-addr 127.0.0.1:0 >"$work/dev.out" 2>"$work/dev.err" &
pids+=($!)
await 120 "three nodes did not serve within two minutes" ready
echo "three nodes serve $(($(now) - begun)) ms after the start"
mapfile -t rpc < <(sed -n 's/^ready .* rpc=\([^ ]*\) .*/\1/p' "$work/dev.out")
mapfile -t pid < <(sed -n 's/^ready .* pid=\([0-9]*\).*/\1/p' "$work/dev.out")
all=${rpc[0]},${rpc[1]},${rpc[2]}
begun=$(now)
norikv put first 1 "${patient[@]}" --addr "$all" >/dev/null || fail "the first write"
[ "$(norikv get first "${patient[@]}" --addr "$all")" = 1 ] || fail "the first linearizable read"
echo "the first write and linearizable read took $(($(now) - begun)) ms, two processes of the command line included"
for k in $(seq 100); do echo "{\"key\":\"kept-$k\",\"value\":\"$k\"}"; done >"$work/kept.jsonl"
norikv import "$work/kept.jsonl" "${patient[@]}" --addr "$all" >/dev/null 2>"$work/import.err" || fail "import"

# Longer than a client waits by default (5 s): a busy machine makes elections long, and a failed operation is one that was given up.
norikv bench --addr "$all" --duration 20s --warmup 2s --concurrency 16 "${patient[@]}" --json >"$work/bench.json" 2>"$work/bench.err" &
bench=$!
pids+=($bench)
for i in 0 1 2; do
  sleep 2 # Load before, between and behind the kills; nothing is judged by it.
  kill -KILL "${pid[$i]}"
  await 60 "dev does not say how n$((i + 1)) is started again" grep -q "n$((i + 1)) (pid ${pid[$i]}) ended" "$work/dev.err"
  again=$(grep -A 1 "n$((i + 1)) (pid ${pid[$i]}) ended" "$work/dev.err" | sed -n '2s/^ *norikv //p')
  eval "set -- $again"
  "${program[@]}" "$@" >>"$work/n$i.out" 2>>"$work/n$i.err" &
  pids+=($!)
  await 120 "n$((i + 1)) does not serve again" grep -q '^ready' "$work/n$i.out"
  await 120 "the cluster is not healthy again" clean "$all"
done
wait $bench || fail "bench ended with $?: $(cat "$work/bench.json")"
/usr/bin/python3 - "$work/bench.json" <<'P' || fail "operations failed: $(cat "$work/bench.json")"
import json, sys
r = json.load(open(sys.argv[1]))
a = r["latency_microseconds"]["all"]
print(f"each of three nodes killed and started again: {a['count']} operations, {sum(r['errors'].values())} failed, longest {a['max'] / 1e6:.2f} s")
sys.exit(1 if r["errors"] else 0)
P
norikv export - --prefix kept- "${patient[@]}" --addr "$all" >"$work/now.jsonl" 2>"$work/export.err" || fail "export"
[ "$(wc -l <"$work/now.jsonl")" = 100 ] || fail "$(wc -l <"$work/now.jsonl") of 100 keys are there"
echo "what was written before is there"
