#!/usr/bin/env bash
# Acceptance: docs/operations.md and docs/doctor.md by their own commands, with real processes under load. A rolling restart without
# a failed operation; what the doctor says of a slow disk and of a node that is gone; a damaged table, which heals; a majority lost
# for ever, and `norikv recover`. Keys that were written before are read behind each step.
# slow
set -uo pipefail
cd "$(dirname "$0")/../.."
built=${NORIKV_DLL:-$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll}
[ -f "$built" ] || ./norikv --version >/dev/null || exit 70
if [ -f "$built" ]; then program=(dotnet "$built"); else program=(./norikv); fi
norikv() { "${program[@]}" "$@"; }
patient=(--timeout 60s) # What a busy machine may take.

work=$(mktemp -d)
declare -A pid
export no_proxy=127.0.0.1,localhost
finish() {
  for p in "${pid[@]}"; do kill -KILL "$p" 2>/dev/null; done
  wait 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
fail() { echo "FAILED: $*" >&2; tail -n 20 "$work"/*.log >&2; exit 1; }
step() { printf '%4ss  %s\n' $SECONDS "$*"; }
await() { # what, command...
  local what=$1 until=$((SECONDS + 180)); shift
  until "$@" >"$work/last" 2>&1; do
    [ $SECONDS -lt $until ] || fail "$what: not within three minutes: $(cat "$work/last")"
    sleep 0.2
  done
}
read -r -a port <<<"$(python3 - <<'P'
import socket
held = [socket.socket() for _ in range(6)]
for s in held: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
P
)"
seeds=127.0.0.1:${port[0]},127.0.0.1:${port[1]},127.0.0.1:${port[2]}
start() { # node number, flags...
  local n=$1; shift
  [ -p "$work/orders$n" ] || mkfifo "$work/orders$n"
  : >"$work/n$n.out"
  "${program[@]}" chaos-node --node-id "n$n" --rpc-addr "127.0.0.1:${port[$((n - 1))]}" --http-addr "127.0.0.1:${port[$((n + 2))]}" \
    --data-dir "$work/n$n" --total-shards 16 --storage-memtable-bytes 256KiB --storage-scrub-interval 2s --seed-nodes "$seeds" \
    "$@" <>"$work/orders$n" >"$work/n$n.out" 2>>"$work/n$n.log" &
  pid[n$n]=$!
}
stop() { # node number: in order
  kill -TERM "${pid[n$1]}"
  wait "${pid[n$1]}"
  local code=$?
  unset "pid[n$1]"
  [ $code = 0 ] || fail "n$1 ended with $code on SIGTERM"
}
ready() { grep -q '^ready' "$work/n$1.out"; }
healthy() { norikv cluster health --addr "$seeds"; }
doctor() { norikv doctor --addr "$seeds"; }
# Not in a pipe: with findings the doctor ends with 1.
finds() { norikv doctor --json --addr "$seeds" >"$work/findings"; grep -q "\"id\":\"$1\"" "$work/findings"; }
clean() { norikv doctor --json --addr "$seeds" >"$work/findings"; grep -q '"findings":' "$work/findings" && ! grep -q "\"id\":\"$1\"" "$work/findings"; }
kept() { # behind what
  norikv export "$work/now.jsonl" --force -q --prefix kept- "${patient[@]}" --addr "$seeds" || fail "export behind $1"
  cmp -s "$work/kept.jsonl" "$work/now.jsonl" || fail "behind $1 $(wc -l <"$work/now.jsonl") of 2000 keys are as they were written"
}

for n in 1 2 3; do start $n --bootstrap-expect 3; done
for n in 1 2 3; do await "n$n serves" ready $n; done
python3 - >"$work/in.jsonl" <<'P'
for i in range(2000): print('{"key":"kept-%05d","value":"%s"}' % (i, ("%d " % i) * 100))
P
norikv import "$work/in.jsonl" -q "${patient[@]}" --addr "$seeds" >/dev/null || fail "import"
norikv export "$work/kept.jsonl" -q --prefix kept- "${patient[@]}" --addr "$seeds" || fail "export"
[ "$(wc -l <"$work/kept.jsonl")" = 2000 ] || fail "2000 keys were written and $(wc -l <"$work/kept.jsonl") are there"
await "the doctor finds nothing" doctor
step "three nodes serve 2000 keys, and the doctor finds nothing"

for n in 1 2 3; do
  norikv bench --addr "$seeds" --duration 15s --warmup 0s --concurrency 8 --rate 200 "${patient[@]}" --json \
    >"$work/bench$n.json" 2>"$work/bench.log" &
  pid[bench]=$!
  sleep 2 # Load before, too; nothing is judged by it.
  stop $n
  start $n
  await "n$n serves again" ready $n
  await "the cluster is healthy again behind n$n" healthy
  wait "${pid[bench]}" || fail "bench ended with $?: $(cat "$work/bench$n.json")"
  unset "pid[bench]"
done
python3 - "$work"/bench?.json <<'P' || fail "operations failed in a rolling restart: $(cat "$work"/bench?.json)"
import json, sys
r = [json.load(open(f)) for f in sys.argv[1:]]
a = [x["latency_microseconds"]["all"] for x in r]
failed = sum(sum(x["errors"].values()) for x in r)
print(f"       {sum(x['count'] for x in a)} operations, {failed} failed, longest {max(x['max'] for x in a) / 1e6:.2f} s")
sys.exit(1 if failed or min(x["count"] for x in a) < 100 else 0)
P
kept "a rolling restart"
await "the doctor finds nothing" doctor
step "a rolling restart by the commands of docs/operations.md: no operation failed"

echo "disk slow 150" >"$work/orders2"
norikv bench --addr "$seeds" --duration 5s --warmup 0s --concurrency 4 --rate 50 "${patient[@]}" >"$work/slow.log" 2>&1
await "the doctor finds the slow disk" finds disk-slow
echo "disk well" >"$work/orders2"
step "a disk with 150 ms a call: disk-slow"

kill -KILL "${pid[n3]}"; wait "${pid[n3]}" 2>/dev/null; unset "pid[n3]"
await "the doctor finds the node that is gone" finds node-unreachable
await "the doctor finds what it held" finds under-replicated
! healthy >/dev/null 2>&1 || fail "cluster health is 0 with a node gone"
step "a node that was killed: node-unreachable, under-replicated, and cluster health is not 0"

table=$(ls -S "$work"/n3/engine/*.sst 2>/dev/null | head -1)
[ -n "$table" ] || fail "n3 has no table to damage"
python3 - "$table" <<'P'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(0, 2); at = f.tell() // 3
    f.seek(at); b = f.read(1)[0]
    f.seek(at); f.write(bytes([b ^ 16]))
P
start 3
await "n3 serves with a damaged table" ready 3
await "n3 has noticed the damage" grep -qi 'damage' "$work/n3.log"
await "the cluster is healthy behind damage" healthy
await "the doctor finds neither damage nor a lack of replicas" clean under-replicated
await "the doctor finds no damage" clean replica-damaged
kept "a damaged table"
grep -i 'damage\|rebuilt' "$work/n3.log" | head -3 | cut -c1-220
step "a damaged table on n3: noticed, healed from the others, every key is there"

for n in 3 2 1; do stop $n; done
rm -rf "$work/n2" "$work/n3"
cp -a "$work/n1" "$work/n1.before"
norikv recover "$work/n1" >"$work/recover.out" 2>&1
code=$?
diff -r "$work/n1" "$work/n1.before" >/dev/null || fail "a dry run changed something"
sed 's/^/       /' "$work/recover.out" | head -12
[ $code = 0 ] || fail "recover (dry) ended with $code"
norikv recover "$work/n1" --apply >"$work/refused.out" 2>&1 && fail "recover without --lost was not refused"
norikv recover "$work/n1" --lost n2,n3 --apply >"$work/recover.out" 2>&1 || fail "recover ended with $?: $(cat "$work/recover.out")"
start 1
await "n1 serves what was left" ready 1
seeds=127.0.0.1:${port[0]} kept "recovery, on what was left"
start 2; start 3
for n in 2 3; do await "n$n has joined" ready $n; done
await "the cluster is healthy behind recovery" healthy
three() { norikv cluster status --json --addr "$seeds" | python3 -c '
import json, sys
s = json.load(sys.stdin)
sys.exit(0 if s["members"] == 3 and s["effective_replication_factor"] == 3 and not s["moves_wanted"] and not s["moves_in_flight"] else 1)'; }
await "three members with three replicas each" three
await "the cluster is healthy with three again" healthy
kept "recovery"
step "a majority lost for ever: recovered from one directory, three nodes again, every key is there"
