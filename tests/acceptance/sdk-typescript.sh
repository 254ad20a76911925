#!/usr/bin/env bash
# Acceptance: the TypeScript SDK: it compiles to both kinds of modules, its unit tests, its README and examples as they stand
# against the real server. The conformance suite runs in conformance.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v npm >/dev/null || ! bash sdks/typescript/prepare.sh; then
  source tests/absent.sh
  absent typescript "install Node 20.3 or later with npm, then (cd sdks/typescript && npm ci)" && exit 0
  exit 1
fi

built=$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
if [ -z "${NORIKV_SERVER:-}" ]; then
  if [ -f "$built" ]; then export NORIKV_SERVER="dotnet $built"; else export NORIKV_SERVER=$PWD/norikv; fi
fi
cd sdks/typescript
timeout 900 node --test test/units.test.mjs test/server.test.mjs test/package.test.mjs
