#!/usr/bin/env bash
# Acceptance: real input. The machine's package catalogue goes in as JSON lines; counting, a prefix scan, point reads and the
# export sorted by key must equal the input sorted by key, byte for byte, also after a restart.
# Where there is no catalogue and none may be fetched, 60,000 generated stanzas take its place.
set -euo pipefail
cd "$(dirname "$0")/../.."

least=60000
work=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

built=src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
if [ -f "$built" ]; then norikv=(dotnet "$built"); else norikv=(./norikv); fi
norikv() { "${norikv[@]}" "$@"; }

catalogue() {
  if command -v apt-cache >/dev/null; then
    if [ "$(apt-cache dumpavail 2>/dev/null | grep -c '^Package: ')" -lt $least ]; then
      if [ "$(id -u)" = 0 ] || [ "${CI:-}" = true ]; then
        apt-get -o DPkg::Lock::Timeout=120 update -qq </dev/null >/dev/null 2>&1 || true
      fi
    fi
    if [ "$(apt-cache dumpavail 2>/dev/null | grep -c '^Package: ')" -ge $least ]; then
      echo "input: this machine's package catalogue" >&2
      apt-cache dumpavail
      return
    fi
  fi
  echo "input: $least generated stanzas (no package catalogue here; sudo apt-get update would fetch one)" >&2
  awk -v n=$least 'BEGIN {
    for (i = 0; i < n; i++) {
      printf "Package: pkg%s-%d\nVersion: 1.%d\nDescription: say \"hello\" to C:\\temp\t%d\n more text é\n\n",
        (i % 7 == 0 ? "-lib" : ""), (i * 7919) % n, i, i
    }
  }'
}

start() {
  : >"$work/ready"
  # Not through the function: its process would be a shell around the server, and get the signals.
  "${norikv[@]}" server --data-dir "$work/data" --rpc-addr 127.0.0.1:0 --http-addr 127.0.0.1:0 \
    >"$work/ready" 2>"$work/server.log" </dev/null &
  server=$!
  for _ in $(seq 1200); do
    NORIKV_ADDR=$(sed -n 's/^ready .* rpc=\([^ ]*\) .*/\1/p' "$work/ready")
    [ -n "$NORIKV_ADDR" ] && { export NORIKV_ADDR; return; }
    kill -0 "$server" 2>/dev/null || { cat "$work/server.log" >&2; fail "the server did not start"; }
    sleep 0.1
  done
  cat "$work/server.log" >&2
  fail "the server was not ready within two minutes"
}

catalogue | examples/import-packages.sh >"$work/packages.jsonl"
LC_ALL=C sort -t '"' -k4,4 "$work/packages.jsonl" >"$work/sorted.jsonl"
lines=$(wc -l <"$work/packages.jsonl")
[ "$lines" -ge $least ] || fail "only $lines records"

start
begun=$(date +%s%N)
norikv import "$work/packages.jsonl" --quiet
echo "imported $lines records in $((($(date +%s%N) - begun) / 1000000)) ms"

check() {
  count=$(norikv scan --count)
  [ "$count" = "$lines" ] || fail "scan --count says $count, the input has $lines"

  prefix=$(sed -n "$((lines / 2))p" "$work/sorted.jsonl" | cut -d '"' -f 4 | cut -c 1-4)
  awk -F '"' -v p="$prefix" 'index($4, p) == 1' "$work/sorted.jsonl" >"$work/prefix.expected"
  norikv export - --prefix "$prefix" --quiet >"$work/prefix.actual"
  cmp "$work/prefix.expected" "$work/prefix.actual" || fail "the scan of prefix $prefix differs"
  [ "$(norikv scan --prefix "$prefix" --count)" = "$(wc -l <"$work/prefix.expected")" ] || fail "the count of prefix $prefix differs"

  # The value is the stanza, so turning it into a record again must give the very line.
  for i in 1 2 3 4 5 6 7 8; do
    line=$(sed -n "$((i * lines / 9))p" "$work/sorted.jsonl")
    key=$(cut -d '"' -f 4 <<<"$line")
    [ "$(norikv get "$key" | examples/import-packages.sh 2>/dev/null)" = "$line" ] || fail "the value of $key differs"
  done

  norikv export "$work/export.jsonl" --force --quiet
  cmp "$work/sorted.jsonl" "$work/export.jsonl" || fail "the export differs from the sorted input"
}

check
kill -TERM "$server"
wait "$server" || fail "the server did not stop cleanly"
start
check
echo "$lines records: count, prefix '$prefix', point reads and sorted export are equal, also after a restart"
