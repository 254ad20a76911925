#!/usr/bin/env bash
# slow
# Acceptance: three nodes by configuration files in three network namespaces form a cluster by host names, and what each is written
# the others read; one is cut off and the rest serves, it comes back and has everything. Needs root and iproute2.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "skipped: network namespaces need root"; exit 0; }
command -v ip >/dev/null || { echo "skipped: needs ip: apt-get install iproute2"; exit 0; }
tag=nk$$ norikv="dotnet ${NORIKV_DLL:-$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll}" work=$(mktemp -d)
ip netns add "$tag-1" 2>/dev/null || { echo "skipped: this machine allows no network namespaces"; rm -rf "$work"; exit 0; }
declare -a pids

finish() {
  for i in 1 2 3; do [ -z "${pids[$i]-}" ] || kill -9 "${pids[$i]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for i in 1 2 3; do ip netns del "$tag-$i" 2>/dev/null || true; rm -rf "/etc/netns/$tag-$i"; done
  ip link del "$tag-br" 2>/dev/null || true
  rmdir /etc/netns 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
fail() { echo "FAILED: $*" >&2; tail -n 15 "$work"/*.log >&2; exit 1; }
within() { ip netns exec "$tag-$1" "${@:2}"; }
cli() { # node, words: patiently, as a busy machine wants it
  local patience=(--timeout 60s)
  [[ " $* " != *" --timeout "* ]] || patience=()
  within "$1" timeout 120 $norikv "${@:2}" "${patience[@]}" --addr "node$1.norikv.test:7447"
}

ip link add "$tag-br" type bridge && ip link set "$tag-br" up
for i in 1 2 3; do
  [ $i = 1 ] || ip netns add "$tag-$i"
  ip link add "$tag-v$i" type veth peer name eth0 netns "$tag-$i"
  ip link set "$tag-v$i" master "$tag-br" up
  within $i ip addr add "10.78.0.$i/24" dev eth0
  within $i ip link set eth0 up
  within $i ip link set lo up
  # What `ip netns exec` puts in the place of /etc/hosts.
  mkdir -p "/etc/netns/$tag-$i"
  { echo "127.0.0.1 localhost"; for j in 1 2 3; do echo "10.78.0.$j node$j.norikv.test"; done; } >"/etc/netns/$tag-$i/hosts"
  cat >"$work/$i.yaml" <<Y
node_id: n$i
rpc_addr: 0.0.0.0:7447
http_addr: 0.0.0.0:8080
advertise_addr: node$i.norikv.test:7447
data_dir: $work/data-$i
cluster:
  seed_nodes: [node1.norikv.test:7447, node2.norikv.test:7447, node3.norikv.test:7447]
  bootstrap_expect: 3
  total_shards: 64
  peer_secret: the-secret-of-three-namespaces
Y
done

start() {
  # Not `within`: a function in the background is a shell of its own, and its pid not the server's.
  ip netns exec "$tag-$1" $norikv server "$work/$1.yaml" >>"$work/$1.log" 2>&1 </dev/null &
  pids[$1]=$!
}
ready() {
  for _ in $(seq 1800); do
    [ "$(grep -c '^ready' "$work/$1.log" || true)" -ge "$2" ] && return
    kill -0 "${pids[$1]}" 2>/dev/null || fail "n$1 ended"
    sleep 0.1
  done
  fail "n$1 was not ready within three minutes"
}

for i in 1 2 3; do start $i; done
for i in 1 2 3; do ready $i 1; done
for i in 1 2 3; do cli $i put "key-$i" "value $i" >/dev/null || fail "put at n$i"; done
for i in 1 2 3; do for j in 1 2 3; do
  [ "$(cli $i get "key-$j")" = "value $j" ] || fail "n$i does not read what n$j was told"
done; done
echo "three nodes formed a cluster by host name; each reads what the others were told"

ip link set "$tag-v3" down
for i in 1 2; do
  cli $i put "apart-$i" "$i" >/dev/null || fail "n$i does not write while n3 is cut off"
done
! cli 3 get key-1 --timeout 3s >/dev/null 2>&1 || fail "n3 answers a linearizable read without a majority"
ip link set "$tag-v3" up
for i in 1 2; do
  for attempt in $(seq 30); do
    [ "$(cli 3 get "apart-$i" 2>/dev/null || true)" = "$i" ] && break
    [ $attempt -lt 30 ] || fail "n3 does not read what was written while it was cut off"
    sleep 1
  done
done
echo "one cut off: two serve, the third refuses; back again it reads what it missed"

kill -TERM "${pids[2]}"
wait "${pids[2]}" || fail "n2 ended with $? on SIGTERM"
cli 1 put while-2-is-away 1 >/dev/null || fail "no write with n2 stopped"
start 2
ready 2 2
[ "$(cli 2 get while-2-is-away)" = 1 ] || fail "n2 does not read what was written while it was away"
echo "a node stopped and started again by its file has everything"
