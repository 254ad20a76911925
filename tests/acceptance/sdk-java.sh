#!/usr/bin/env bash
# Acceptance: the Java SDK: it compiles without a warning, its API's pages are complete, its unit tests, its README and examples as
# they stand against the real server. The conformance suite runs in conformance.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=$(bash sdks/java/java.sh missing)
if [ -n "$missing" ]; then
  source tests/absent.sh
  absent java "sudo apt-get install -y --no-install-recommends $missing" && exit 0
  exit 1
fi
built=$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll
if [ -z "${NORIKV_SERVER:-}" ]; then
  if [ -f "$built" ]; then export NORIKV_SERVER="dotnet $built"; else export NORIKV_SERVER=$PWD/norikv; fi
fi
export no_proxy=127.0.0.1,localhost
version=$(sed -n 's/.*VERSION = "\(.*\)".*/\1/p' sdks/java/src/main/java/com/norikv/client/Channels.java)
grep -q "^  <version>$version</version>" sdks/java/pom.xml || { echo "pom.xml has another version than $version"; exit 1; }
grep -q "norikv-client:$version" sdks/java/README.md || { echo "the README has another version than $version"; exit 1; }
timeout 900 bash sdks/java/java.sh doc
timeout 900 bash sdks/java/java.sh jar
timeout 900 bash sdks/java/java.sh test
