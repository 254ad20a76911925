#!/usr/bin/env bash
# Acceptance: a client that knows one node and nothing else, plain grpcio, works while leaders move and the other two nodes are killed
# and started again in turn: no error within its deadline, no write lost, none done twice. Needs python3-grpcio and protoc.
# slow
set -uo pipefail
cd "$(dirname "$0")/../.."
python=/usr/bin/python3
{ "$python" -c 'import grpc, google.protobuf' && protoc --version; } >/dev/null 2>&1 || {
  source tests/absent.sh
  absent "grpcio or protoc" "sudo apt-get install -y --no-install-recommends python3-grpcio python3-protobuf protobuf-compiler"; exit; }
built=${NORIKV_DLL:-$PWD/src/NoriKV.Cli/bin/Release/net10.0/norikv.dll}
[ -f "$built" ] || ./norikv --version >/dev/null || exit 70
if [ -f "$built" ]; then program=(dotnet "$built"); else program=("$PWD/norikv"); fi
exec env no_proxy=127.0.0.1,localhost PYTHONDONTWRITEBYTECODE=1 "$python" tests/acceptance/one_address.py "${program[@]}"
