#!/usr/bin/env bash
# Acceptance: a cluster of real processes whose clocks run apart, wall and monotonic, by a tenth: what leases hold for. Under load, with
# a history that is judged and keys that must stay: a node whose wall clock is half a second off gives its leaderships up, and leads
# again when the node whose clock is right is killed. Needs libfaketime. What the simulator and `norikv chaos` do to clocks goes
# through a port of the node; here the runtime itself, its timers and its waits, sees another time.
# slow
# alone
set -euo pipefail
cd "$(dirname "$0")/../.."

library=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -n 1 || true)
if [ -z "$library" ]; then
  source tests/absent.sh
  absent libfaketime "sudo apt-get install -y --no-install-recommends libfaketime" && exit 0
  exit 1
fi
exec bash tests/acceptance/growth.sh --drift "$library"
