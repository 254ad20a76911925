#!/usr/bin/env bash
# Acceptance: a cluster of real processes that changes under load, with a history that is judged, keys that must stay, and a count
# of the replicas that came.
#
#   tests/acceptance/growth.sh            in ./test: one node becomes three, one is replaced, all restart one after another, and two leave
#                                         so that one is left; a minute
#   tests/acceptance/growth.sh --long     1 → 3 → 5 → 3 → 1 with more shards and more load, and the same in between; several minutes
# slow
set -euo pipefail
cd "$(dirname "$0")/../.."

steps=grow3,replace,rolling,alone more=()
if [ "${1:-}" = --long ]; then
  steps=grow3,grow5,shrink,replace,rolling,alone more=(--shards 128 --kept 5000 --rate 400 --callers 16 --dead 10)
elif [ "${1:-}" = --drift ] && [ $# = 2 ]; then
  steps=grow3,drift more=(--no-count --faketime "$2" --clock n1=1.05 --clock n2=0.95)
elif [ $# -gt 0 ]; then
  sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2
fi

python3=/usr/bin/python3
command -v $python3 >/dev/null || { source tests/absent.sh; absent python3 "sudo apt-get install -y --no-install-recommends python3"; exit; }
server=${NORIKV_DLL:-src/NoriKV.Cli/bin/Release/net10.0/norikv.dll}
load=bench/NoriKV.Load/bin/Release/net10.0/NoriKV.Load.dll
for dll in $server $load; do
  [ -f $dll ] || dotnet build "$(dirname $dll)/../../.." -c Release -p:UseSharedCompilation=true -p:RunAnalyzers=false -v q \
    -clp:NoSummary </dev/null || exit 1
done
exec $python3 tests/acceptance/growth.py --server $server --load $load --steps $steps "${more[@]}"
