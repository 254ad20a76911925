#!/usr/bin/env bash
# Chaos with real processes, one run with a fresh seed after the other until the time is over. Ends with a table; for each run that
# failed, the command that draws the same plan again and the folder with its story, logs and histories. Exit code 1 when anything failed.
set -u
cd "$(dirname "$0")/../.." || exit 70

usage() {
  cat <<'U'
usage: tests/soak/chaos.sh [--no-build] [--seed N] [--run MINUTES] [--rate N] [--heal-bound TIME] [MINUTES]

  MINUTES        stop after about so many minutes (default 60)
  --run MINUTES  length of one run on one cluster (default 10); every third run has five nodes
  --seed N       the first seed; the default is the time, printed
  --rate N       operations a second (default 300)
  --heal-bound T a healed cluster must serve within this time (default 60s); more where the machine has other work
  --no-build     run what was built last

Logs: artifacts/chaos/.
U
}

minutes=60 seed=$(date +%s) build=1 run=10 rate=300 bound=60s
while [ $# -gt 0 ]; do
  case $1 in
    --no-build) build=0 ;;
    --seed) [ $# -gt 1 ] || { usage >&2; exit 2; }; seed=$2; shift ;;
    --run) [ $# -gt 1 ] || { usage >&2; exit 2; }; run=$2; shift ;;
    --rate) [ $# -gt 1 ] || { usage >&2; exit 2; }; rate=$2; shift ;;
    --heal-bound) [ $# -gt 1 ] || { usage >&2; exit 2; }; bound=$2; shift ;;
    -h|--help) usage; exit 0 ;;
    ''|*[!0-9]*) echo "unknown argument $1" >&2; usage >&2; exit 2 ;;
    *) minutes=$1 ;;
  esac
  shift
done

log=artifacts/chaos
rm -rf "$log"; mkdir -p "$log"
if [ $build = 1 ]; then
  dotnet build src/NoriKV.Cli -c Release -p:UseSharedCompilation=true -p:RunAnalyzers=false -v q -clp:NoSummary </dev/null \
    >"$log/build.log" 2>&1 || { echo "the build failed: $log/build.log"; exit 1; }
fi

norikv=src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
began=$(date +%s) deadline=$(($(date +%s) + minutes * 60)) number=0 broken=0
echo "chaos for $minutes minutes, first seed $seed"
while left=$((deadline - $(date +%s))); [ $left -gt 30 ]; do
  nodes=3; [ $((number % 3)) = 2 ] && nodes=5
  # A run takes longer than its faults by what is healed and judged after each round.
  seconds=$((run * 60)); [ $seconds -gt $((left * 2 / 3)) ] && seconds=$((left * 2 / 3))
  [ $seconds -lt 20 ] && seconds=20
  NORI_LAUNCHER=./norikv timeout --signal=TERM --kill-after=60 $((seconds * 6 + 600)) dotnet "$norikv" chaos \
    --seed $((seed + number)) --nodes $nodes --seconds $seconds --rate "$rate" --heal-bound "$bound" --json --data-dir "$log/run-$number" \
    </dev/null >"$log/run-$number.json" 2>"$log/run-$number.err"
  code=$?
  echo "run $number: seed $((seed + number)), $nodes nodes, exit code $code, $(($(date +%s) - began)) s so far"
  if [ $code != 0 ]; then broken=1; else rm -rf "$log/run-$number"; fi
  number=$((number + 1))
done

# One flat object a run; figures that are not there count as none.
sum() { grep -ho "\"$1\":[0-9.]*" "$log"/run-*.json | awk -F: '{ s += $2 } END { printf "%d", s }'; }
sorted() { grep -ho "\"$1\":\[[0-9,]*\]" "$log"/run-*.json | sed 's/.*\[//; s/\]//' | tr ',' '\n' | grep . | sort -n; }
times() {
  sorted "$1" | awk -v name="$2" '{ t[NR] = $1 } END { if (NR) printf "%-28s %8d  median %.2f s, worst %.2f s\n", name, NR, t[int(NR/2)+1]/1000, t[NR]/1000 }'
}

printf '\n'
printf '%-28s %8d\n' runs $number rounds "$(sum rounds)" operations "$(sum operations)" "writes acknowledged" "$(sum acknowledged)" \
  "writes unknown" "$(sum unknown)" "keys judged" "$(sum keys_judged)" "rounds undecided" "$(sum rounds_undecided)" \
  "bits flipped, served" "$(sum flips_served)" "bits flipped, refused" "$(sum flips_refused)"
grep -ho '"faults":{[^}]*}' "$log"/run-*.json | sed 's/"faults":{//; s/}//' | tr ',' '\n' | tr -d '"' |
  awk -F: 'NF == 2 { n[$1] += $2; all += $2 } END { printf "%-28s %8d\n", "faults", all; for (k in n) printf "  %-26s %8d\n", k, n[k] | "sort" }'
times failover_ms failovers
times heal_ms "healed, until all serve"
for err in "$log"/run-*.err; do
  grep -h -A 30 'violation of\|norikv: .*did not serve' "$err" | cut -c1-300 | sed "s|^|$(basename "$err" .err): |"
done
echo "seeds $seed to $((seed + number - 1)), $(($(date +%s) - began)) s, $([ $broken = 0 ] && echo "nothing failed" || echo FAILED)"
exit $broken
