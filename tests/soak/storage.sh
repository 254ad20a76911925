#!/usr/bin/env bash
# The long forms of the storage tests, with new seeds round after round until the time is over. Ends with a table and, for
# each failure, the command that replays it; the exit code is 1 when anything failed.
set -u
cd "$(dirname "$0")/../.." || exit 70

usage() {
  cat <<'U'
usage: tests/soak/storage.sh [--no-build] [--seed N] [MINUTES]

  MINUTES      stop after so many minutes (default 60); a run that is then under way is cut and not counted
  --seed N     the first seed; the default is the time, printed
  --no-build   run what was built last

Logs: artifacts/soak/.
U
}

minutes=60 seed=$(date +%s) build=1
while [ $# -gt 0 ]; do
  case $1 in
    --no-build) build=0 ;;
    --seed) [ $# -gt 1 ] || { usage >&2; exit 2; }; seed=$2; shift ;;
    -h|--help) usage; exit 0 ;;
    ''|*[!0-9]*) echo "unknown argument $1" >&2; usage >&2; exit 2 ;;
    *) minutes=$1 ;;
  esac
  shift
done

log=artifacts/soak
rm -rf "$log"; mkdir -p "$log"
if [ $build = 1 ]; then
  dotnet build NoriKV.slnx -c Release -p:UseSharedCompilation=true -v q -clp:NoSummary </dev/null >"$log/build.log" 2>&1 ||
    { echo "the build failed: $log/build.log"; exit 1; }
fi

# A run that is cut cleans up nothing behind itself: its folders and mounts lie in a folder of ours.
TMPDIR=$(mktemp -d); export TMPDIR
cleanup() {
  awk -v folder="$TMPDIR/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | xargs -r umount -l
  rm -rf "$TMPDIR"
}
trap cleanup EXIT

began=$(date +%s)
deadline=$((began + minutes * 60))
declare -A runs=() failures=() seconds=()
order=() replays=() broken=0 round=0

# once NAME PROJECT FILTER [VARIABLE=VALUE…]: runs one test class in the time that is left.
once() {
  local name=$1 project=$2 filter=$3; shift 3
  local left=$((deadline - $(date +%s))) start file=$log/$name-$round.log code
  [ "$left" -gt 0 ] || return 0
  [ -n "${runs[$name]+x}" ] || { order+=("$name"); runs[$name]=0 failures[$name]=0 seconds[$name]=0; }
  start=$(date +%s)
  env "$@" timeout --kill-after=30 "$left" dotnet "tests/$project/bin/Release/net10.0/$project.dll" \
    --no-progress --output Detailed --filter-class "$filter" </dev/null >"$file" 2>&1
  code=$?
  [ $code -eq 124 ] || [ $code -eq 137 ] && return 0
  runs[$name]=$((runs[$name] + 1)) seconds[$name]=$((seconds[$name] + $(date +%s) - start))
  if [ $code -ne 0 ]; then
    failures[$name]=$((failures[$name] + 1)) broken=1
    replays+=("$* ./test ${project%.Tests}    # $filter, $file")
    return 0
  fi
  rm "$file"
}

echo "soaking for $minutes minutes, first seed $seed"
while [ "$(date +%s)" -lt "$deadline" ]; do
  first=$((seed + round * 1000))
  once lsm-model Nori.Lsm.Tests '*.ModelTests' NORI_LSM_SEEDS="$first+200"
  once lsm-options Nori.Lsm.Tests '*.MetamorphicTests' NORI_LSM_METAMORPHIC_SEEDS="$first+60"
  once lsm-crashes Nori.Lsm.Tests '*.CrashTests' NORI_LSM_CRASH_SEEDS="$first+4"
  once lsm-threads Nori.Lsm.Tests '*.StressTests' NORI_STRESS_SECONDS=30 NORI_STRESS_SEED="$first"
  # Ten minutes for all decoders together in the first hour, then as much again.
  for project in Nori.Wal Nori.SSTable Nori.Lsm; do
    once "fuzz-${project#Nori.}" "$project.Tests" '*FuzzTests' NORI_FUZZ_SECONDS=40 NORI_FUZZ_SEED="$first"
  done
  once kills NoriKV.Acceptance.Tests '*.CrashTests' NORIKV_SEED="$first" NORIKV_KILLS=20
  if [ "$(id -u)" = 0 ]; then
    once power-loss NoriKV.Acceptance.Tests '*.PowerLossTests' NORIKV_SEED="$first" NORIKV_POWER_LOSSES=10
  elif [ $round = 0 ]; then
    echo "not root: power losses on a loop device are left out"
  fi
  if [ $round = 0 ]; then
    # These have fixed seeds: once is enough.
    for project in Nori.Wal Nori.Lsm Nori.SSTable Nori.IO NoriKV.Node; do once "$project" "$project.Tests" '*' A=1; done
  fi
  round=$((round + 1))
done

printf '\n%-16s %6s %8s %9s\n' what runs failed seconds
for name in "${order[@]}"; do
  printf '%-16s %6d %8d %9d\n' "$name" "${runs[$name]}" "${failures[$name]}" "${seconds[$name]}"
done
for replay in "${replays[@]+"${replays[@]}"}"; do echo "replay: $replay"; done
echo "seeds $seed to $((seed + (round - 1) * 1000 + 199)), $(($(date +%s) - began)) s, $([ $broken = 0 ] && echo "nothing failed" || echo FAILED)"
exit $broken
