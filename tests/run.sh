#!/usr/bin/env bash
# Runs one test project (a dll) or one acceptance script and leaves: LOG/<name>.log and LOG/<name>.count (passed failed skipped).
set -u
target=$1 log_dir=$2 quick=$3
name=$(basename "$target"); name=${name%.dll}; name=${name%.sh}
log=$log_dir/$name.log
started=$(date +%s)

if [[ $target == *.sh ]]; then
  QUICK=$quick timeout 1500 bash "$target" </dev/null >"$log" 2>&1
  code=$?
  # A script prints "skipped: WHAT (HOW TO INSTALL IT)" for what the machine lacks; as its last line where nothing was left to run.
  lacks=$(grep -c '^skipped: ' "$log")
  if [ $code -eq 0 ] && tail -n 1 "$log" | grep -q '^skipped: '; then counts="0 0 $lacks"
  elif [ $code -eq 0 ]; then counts="1 0 $lacks"
  else counts="0 1 $lacks"; fi
else
  filter=()
  [ "$quick" = 1 ] && filter=(--filter-not-trait Category=Slow)
  timeout 1800 dotnet "$target" --no-progress --show-live-output off --output Detailed "${filter[@]}" --ignore-exit-code 8 </dev/null >"$log" 2>&1
  code=$?
  field() { sed -n "s/^ *$1: *\([0-9]*\).*/\1/p" "$log" | tail -n 1; }
  passed=$(field succeeded) failed=$(field failed) skipped=$(field skipped)
  counts="${passed:-0} ${failed:-0} ${skipped:-0}"
  # A crash or a time-out ends without a summary, or without naming a failed test: it counts as one.
  if [ $code -ne 0 ] && [ "${failed:-0}" -eq 0 ]; then
    counts="${passed:-0} 1 ${skipped:-0}"
    echo "$name ended with exit code $code" >>"$log"
  fi
fi

echo "$counts" >"$log_dir/$name.count"
read -r p f s <<<"$counts"
printf '%-32s %5d passed %3d failed %3d skipped  %4ds\n' "$name" "$p" "$f" "$s" $(($(date +%s) - started))
# The conformance matrix is part of the answer.
if [ -f "$log" ]; then sed -n '/^scenario  /,$p' "$log"; fi
