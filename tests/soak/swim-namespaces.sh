#!/usr/bin/env bash
# Five SWIM members, each in a network namespace of its own on one bridge, with packets lost by nftables: kill -9,
# SIGSTOP, partition, rejoin, graceful leave. Prints each measurement and ends with "N passed, N failed".
# Needs root, iproute2 and nftables. Sensitive to the machine's load, so it is no part of ./test.
#
#   tests/soak/swim-namespaces.sh [KILLS] [LOSS PERCENT]      default 20 kills, 10 % loss
set -u
cd "$(dirname "$0")/../.." || exit 70
kills=${1:-20} loss=${2:-10}
[ "$(id -u)" = 0 ] || { echo "needs root: network namespaces" >&2; exit 2; }
for tool in ip nft; do
  command -v $tool >/dev/null || { echo "needs $tool: apt-get install iproute2 nftables" >&2; exit 2; }
done

tag=sw$$ count=5 passed=0 failed=0
work=$(mktemp -d)
dll=bench/Nori.Swim.Node/bin/Release/net10.0/Nori.Swim.Node.dll
declare -A pids

cleanup() {
  for i in $(seq $count); do [ -n "${pids[$i]-}" ] && kill -9 "${pids[$i]}" 2>/dev/null; done
  wait 2>/dev/null
  for i in $(seq $count); do ip netns del "$tag-$i" 2>/dev/null; done
  ip link del "$tag-br" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

dotnet build bench/Nori.Swim.Node -c Release -p:UseSharedCompilation=true -p:RunAnalyzers=false -v q \
  -clp:NoSummary </dev/null >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }

now() { date +%s%3N; }
netns() { ip netns exec "$tag-$1" "${@:2}"; }

# A line of a member's log at or after a time: when FROM KIND MEMBER PATTERN… → milliseconds, empty while there is none.
when() { awk -v from="$2" -v kinds="$3" -v member="$4" \
  '$1 >= from && index(kinds, $2) && $3 == member { print $1; exit }' "$work/$1.log"; }

start() {
  local i=$1 seeds=()
  for j in $(seq $count); do [ "$j" != "$i" ] && seeds+=("10.77.0.$j:7946"); done
  ip netns exec "$tag-$i" dotnet "$dll" "n$i" "10.77.0.$i:7946" "a key for the soak test" "${seeds[@]}" \
    >>"$work/$i.log" 2>>"$work/$i.err" </dev/null &
  pids[$i]=$!
}

# until every other live member has logged one of KINDS about the member: await_all MEMBER FROM KINDS LIMIT_MS → ms, or -1
await_all() {
  local member=$1 from=$2 kinds=$3 limit=$4 worst at missing
  while :; do
    worst=0 missing=0
    for i in $(seq $count); do
      [ "$i" = "$member" ] && continue
      at=$(when "$i" "$from" "$kinds" "n$member")
      if [ -z "$at" ]; then missing=1; elif [ $((at - from)) -gt $worst ]; then worst=$((at - from)); fi
    done
    [ $missing = 0 ] && { echo $worst; return; }
    [ $(($(now) - from)) -gt "$limit" ] && { echo -1; return; }
    sleep 0.1
  done
}

check() {
  if [ "$2" = 1 ]; then passed=$((passed + 1)); echo "ok      $1"; else failed=$((failed + 1)); echo "FAILED  $1"; fi
}

losing() {
  for i in $(seq $count); do
    netns "$i" nft flush ruleset
    netns "$i" nft -f - <<N
table inet soak {
  chain in { type filter hook input priority 0; iif lo accept; }
}
N
    [ "$1" = 0 ] || netns "$i" nft add rule inet soak in numgen random mod 100 "<" "$1" drop
  done
}

# ---- the network
ip link add "$tag-br" type bridge && ip link set "$tag-br" up || exit 1
for i in $(seq $count); do
  ip netns add "$tag-$i"
  ip link add "$tag-v$i" type veth peer name eth0 netns "$tag-$i"
  ip link set "$tag-v$i" master "$tag-br" up
  netns "$i" ip addr add "10.77.0.$i/24" dev eth0
  netns "$i" ip link set eth0 up
  netns "$i" ip link set lo up
done

t=$(now)
for i in $(seq $count); do start "$i"; sleep 0.2; done
joined=1
for i in $(seq $count); do [ "$(await_all "$i" "$t" Joined 60000)" -ge 0 ] || joined=0; done
check "five members find each other through any seed" $joined
losing "$loss"
echo "losing $loss % of all packets at each member from here on"
sleep 3

# ---- kill -9 and rejoin under a higher incarnation
times=() rejoins=()
for k in $(seq "$kills"); do
  victim=$((1 + (k * 3 + k / 5) % count))
  sleep "0.$((RANDOM % 10))"
  t=$(now)
  kill -9 "${pids[$victim]}"; wait "${pids[$victim]}" 2>/dev/null
  ms=$(await_all $victim "$t" Failed 30000)
  times+=("$ms")
  t=$(now)
  start $victim
  back=$(await_all $victim "$t" "Joined Flapped" 60000)
  rejoins+=("$back")
  echo "kill $k of n$victim: every live member reported it after $ms ms; back everywhere after $back ms"
  sleep 2
done
within=0 lost=0
for ms in "${times[@]}"; do [ "$ms" -ge 0 ] && [ "$ms" -lt 5000 ] && within=$((within + 1)); done
for ms in "${rejoins[@]}"; do [ "$ms" -lt 0 ] && lost=$((lost + 1)); done
sorted=$(printf '%s\n' "${times[@]}" | sort -n | tr '\n' ' ')
echo "detection, ms, sorted: $sorted"
check "a kill is reported by every live member in under 5 s: $within of $kills" $((within * 20 >= kills * 19 ? 1 : 0))
check "a killed member that restarts is back everywhere" $((lost == 0 ? 1 : 0))

# ---- no false alarm while nothing happens
t=$(now)
sleep 60
alarms=0
for i in $(seq $count); do alarms=$((alarms + $(awk -v f="$t" '$1 >= f && $2 == "Failed"' "$work/$i.log" | wc -l))); done
check "nobody is held dead in 60 s of $loss % loss" $((alarms == 0 ? 1 : 0))

# ---- a short pause alarms nobody for good, a long one does, and the stopped one accuses nobody when it goes on
t=$(now)
kill -STOP "${pids[2]}"; sleep 1; kill -CONT "${pids[2]}"
sleep 8
alarms=0
for i in $(seq $count); do alarms=$((alarms + $(awk -v f="$t" '$1 >= f && $2 == "Failed"' "$work/$i.log" | wc -l))); done
check "a pause of 1 s kills nobody" $((alarms == 0 ? 1 : 0))

t=$(now)
kill -STOP "${pids[2]}"
ms=$(await_all 2 "$t" Failed 30000)
check "a stopped member is reported by every live member ($ms ms)" $((ms >= 0 ? 1 : 0))
sleep 5
t=$(now)
kill -CONT "${pids[2]}"
back=$(await_all 2 "$t" "Joined Flapped" 30000)
check "it is back everywhere when it goes on ($back ms)" $((back >= 0 ? 1 : 0))
accused=$(awk -v f="$t" '$1 >= f && $2 == "Failed"' "$work/2.log" | wc -l)
check "it holds nobody dead for its own pause" $((accused == 0 ? 1 : 0))

# ---- partition 2 | 3, and heal
t=$(now)
for i in 1 2; do
  for j in 3 4 5; do
    netns $i nft add rule inet soak in ip saddr "10.77.0.$j" drop
    netns $j nft add rule inet soak in ip saddr "10.77.0.$i" drop
  done
done
split=1
for i in 1 2; do for j in 3 4 5; do
  until [ -n "$(when $i "$t" Failed "n$j")" ] && [ -n "$(when $j "$t" Failed "n$i")" ]; do
    [ $(($(now) - t)) -gt 40000 ] && { split=0; break; }
    sleep 0.2
  done
done; done
check "two halves hold each other dead ($(($(now) - t)) ms)" $split
t=$(now)
losing "$loss"
healed=1
for i in 1 2; do for j in 3 4 5; do
  until [ -n "$(when $i "$t" "Joined Flapped" "n$j")" ] && [ -n "$(when $j "$t" "Joined Flapped" "n$i")" ]; do
    [ $(($(now) - t)) -gt 60000 ] && { healed=0; break; }
    sleep 0.2
  done
done; done
check "they find each other again after it heals ($(($(now) - t)) ms)" $healed

# ---- graceful leave
sleep 3
t=$(now)
kill -TERM "${pids[5]}"
ms=$(await_all 5 "$t" Left 20000)
check "one that leaves is reported as left ($ms ms)" $((ms >= 0 ? 1 : 0))

cat "$work"/*.err | head -20
echo "$passed passed, $failed failed"
[ $failed = 0 ]
