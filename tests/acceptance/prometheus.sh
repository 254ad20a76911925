#!/usr/bin/env bash
# Acceptance: a real Prometheus scrapes a real cluster of three, `promtool check metrics` has nothing to say about any loaded node, and the
# alert rules fire by Prometheus's own word when a disk stalls, a node is killed, a quorum is lost and the last node goes; each clears when
# that is over.
# The rules are those of deploy/, their patience shortened to two seconds. About half a minute on an idle machine.
# slow
set -uo pipefail
cd "$(dirname "$0")/../.."

for tool in prometheus promtool curl python3; do
  command -v $tool >/dev/null || {
    source tests/absent.sh
    absent "$tool" "sudo apt-get install -y --no-install-recommends prometheus curl python3"; exit; }
done
built=$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
if [ -n "${NORIKV_DLL:-}" ]; then built=$NORIKV_DLL; fi
[ -f "$built" ] || ./norikv --version >/dev/null || exit 70
norikv() { if [ -f "$built" ]; then dotnet "$built" "$@"; else ./norikv "$@"; fi; }

work=$(mktemp -d)
declare -A pid
export no_proxy=127.0.0.1,localhost
patience=${PATIENCE:-120}
finish() {
  for p in "${pid[@]}"; do kill -KILL "$p" 2>/dev/null; done
  wait 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
fail() { echo "FAILED: $*" >&2; tail -n 20 "$work"/*.log >&2; exit 1; }

# Free numbers at this moment: three for gRPC, three for HTTP, one for Prometheus. Below those that outgoing connections get, one of
# which could have a node's number while it is down.
read -r -a port <<<"$(python3 - <<'P'
import random, socket
held = {}
while len(held) < 7:
    port = random.randrange(20000, 32000)
    try:
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        for s in tcp, udp: s.bind(("127.0.0.1", port))
        held[port] = tcp, udp
    except OSError:
        pass
print(*held)
P
)"
seeds=127.0.0.1:${port[0]},127.0.0.1:${port[1]},127.0.0.1:${port[2]}

start() { # node number
  local n=$1
  [ -p "$work/orders$n" ] || mkfifo "$work/orders$n"
  if [ -f "$built" ]; then set -- dotnet "$built"; else set -- ./norikv; fi
  "$@" chaos-node --node-id "n$n" --rpc-addr "127.0.0.1:${port[$((n - 1))]}" --http-addr "127.0.0.1:${port[$((n + 2))]}" \
    --data-dir "$work/n$n" --total-shards 16 --seed-nodes "$seeds" --bootstrap-expect 3 \
    <>"$work/orders$n" >"$work/n$n.out" 2>>"$work/n$n.log" &
  pid[n$n]=$!
}
order() { echo "$2" >"$work/orders$1"; }
http() { echo "http://127.0.0.1:${port[$(($1 + 2))]}"; }
await() { # what, command...
  local what=$1 until=$((SECONDS + patience)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || fail "$what: not within $patience s"
    sleep 0.2
  done
}

for n in 1 2 3; do start $n; done
for n in 1 2 3; do await "n$n is ready" curl -sf "$(http $n)/readyz"; done

sed -E 's/^( +for:) .*/\1 2s/' deploy/prometheus/norikv.rules.yml >"$work/norikv.rules.yml"
cat >"$work/prometheus.yml" <<C
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [norikv.rules.yml]
scrape_configs:
  - job_name: norikv
    static_configs:
      - targets: [127.0.0.1:${port[3]}, 127.0.0.1:${port[4]}, 127.0.0.1:${port[5]}]
C
promtool check config "$work/prometheus.yml" >"$work/config.log" 2>&1 || fail "the generated configuration"
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" --web.listen-address="127.0.0.1:${port[6]}" \
  >"$work/prometheus.log" 2>&1 &
pid[prometheus]=$!
await "Prometheus is ready" curl -sf "http://127.0.0.1:${port[6]}/-/ready"

# The instances for which an alert is in a state; firing or pending.
alerts() { # name, state
  curl -sf "http://127.0.0.1:${port[6]}/api/v1/alerts" | python3 -c '
import json, sys
name, state = sys.argv[1:]
for a in json.load(sys.stdin)["data"]["alerts"]:
    if a["labels"]["alertname"] == name and a["state"] == state: print(a["labels"].get("instance", "-"))' "$1" "$2"
}
fires() { alerts "$1" firing | grep -q "127.0.0.1:${port[$(($2 + 2))]}"; }     # name, node number
quiet() { [ -z "$(alerts "$1" firing)$(alerts "$1" pending)" ]; }              # name
scraped() { # how many targets are up
  curl -sf "http://127.0.0.1:${port[6]}/api/v1/query?query=sum(up)" | python3 -c '
import json, sys
r = json.load(sys.stdin)["data"]["result"]
sys.exit(0 if r and float(r[0]["value"][1]) == float(sys.argv[1]) else 1)' "$1"
}
step() { printf '%4ss  %s\n' $SECONDS "$*"; }

await "three targets are up" scraped 3
norikv bench --addr "$seeds" --duration 2s --warmup 1s --concurrency 16 >"$work/bench.log" 2>&1 || fail "the load"
for n in 1 2 3; do
  curl -sf "$(http $n)/metrics" >"$work/metrics" || fail "n$n has no metrics"
  said=$(promtool check metrics <"$work/metrics" 2>&1) || fail "promtool about n$n: $said"
  [ -z "$said" ] || fail "promtool about n$n: $said"
done
step "three nodes are scraped, and promtool has nothing to say about any of them"

for alert in NorikvNodeDown NorikvHalfDown NorikvQuorumLost NorikvDiskStalled NorikvDiskFull NorikvNotReady; do
  await "$alert is quiet while all is well" quiet $alert
done

order 2 "disk stall"
await "NorikvDiskStalled fires at n2" fires NorikvDiskStalled 2
step "a disk that stalls: NorikvDiskStalled"
order 2 "disk well"
await "NorikvDiskStalled clears" quiet NorikvDiskStalled

order 1 "disk full"
norikv put k v --addr "$seeds" >/dev/null 2>&1
full() { norikv put "k$RANDOM" v --addr "127.0.0.1:${port[0]}" --timeout 2s; fires NorikvDiskFull 1; }
await "NorikvDiskFull fires at n1" full
step "a disk that is full: NorikvDiskFull"
order 1 "disk well"
await "NorikvDiskFull clears" quiet NorikvDiskFull

kill -KILL "${pid[n3]}"; wait "${pid[n3]}" 2>/dev/null
await "NorikvNodeDown fires for n3" fires NorikvNodeDown 3
step "a node that is killed: NorikvNodeDown"
quorum() { [ -z "$(alerts NorikvQuorumLost firing)$(alerts NorikvHalfDown firing)" ]; }
await "two of three are a quorum" quorum

kill -KILL "${pid[n2]}"; wait "${pid[n2]}" 2>/dev/null
# Of the whole cluster: it has no instance.
lost() { [ -n "$(alerts NorikvQuorumLost firing)" ]; }
half() { [ -n "$(alerts NorikvHalfDown firing)" ]; }
await "NorikvQuorumLost fires" lost
step "a quorum that is lost: NorikvQuorumLost"

# With the last node goes all that nodes say, and with it that alert; something critical must stay.
await "NorikvHalfDown fires" half
kill -KILL "${pid[n1]}"; wait "${pid[n1]}" 2>/dev/null
await "NorikvQuorumLost hears nobody" quiet NorikvQuorumLost
half || fail "no critical alert is left although no node runs"
step "the last node is killed: NorikvHalfDown"

start 1; start 2; start 3
for n in 1 2 3; do await "n$n is ready again" curl -sf "$(http $n)/readyz"; done
for alert in NorikvNodeDown NorikvHalfDown NorikvQuorumLost; do await "$alert clears" quiet $alert; done
step "both are back: nothing fires"
echo "Prometheus saw a stalled disk, a full one, a killed node, a lost quorum and no node at all, and the end of each"
