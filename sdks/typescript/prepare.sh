#!/usr/bin/env bash
# Installs what the SDK is built with and builds it, unless that is done already. Two scripts may ask for it at once.
set -euo pipefail
cd "$(dirname "$0")"
exec 9>.install.lock
flock 9
if [ ! -d node_modules/typescript ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund --silent 9>&- 2>/dev/null
fi
if [ ! -f dist/cjs/package.json ] || [ -n "$(find src package.json tsconfig*.json -newer dist/cjs/package.json -print -quit)" ]; then
  npm run --silent build 9>&-
fi
