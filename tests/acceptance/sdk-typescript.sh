#!/usr/bin/env bash
# Acceptance: the TypeScript SDK: it compiles to both kinds of modules, its unit tests, its README and examples as they stand
# against the real server. The conformance suite runs in conformance.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v npm >/dev/null || { echo "skipped: Node is missing: install Node 20 or later with npm"; exit 0; }
bash sdks/typescript/prepare.sh || {
  echo "skipped: the packages of sdks/typescript could not be installed: (cd sdks/typescript && npm ci)"
  if [ "$(id -u)" = 0 ] || [ "${CI:-}" = true ]; then exit 1; fi
  exit 0
}

built=$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
if [ -z "${NORIKV_SERVER:-}" ]; then
  if [ -f "$built" ]; then export NORIKV_SERVER="dotnet $built"; else export NORIKV_SERVER=$PWD/norikv; fi
fi
cd sdks/typescript
timeout 900 node --test test/units.test.mjs test/server.test.mjs
