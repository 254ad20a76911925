#!/usr/bin/env bash
# What the tests use beyond the .NET SDK, installed at once. As root, or with CI=true, it is installed here and a failure is a
# failure; elsewhere each test that lacks something is skipped with the reason and the line that installs it.
set -u

packages=(
  python3-grpcio python3-protobuf protobuf-compiler protobuf-compiler-grpc  # the official Python client
  golang-go golang-google-grpc-dev golang-google-protobuf-dev golang-github-golang-protobuf-1-5-dev  # the Go SDK
  default-jdk-headless libgrpc-java libperfmark-java libprotobuf-java libnetty-java libguava-java                  # the Java SDK,
  libnetty-tcnative-java libnetty-tcnative-jni junit5                                                              # its TLS and tests
  prometheus                                                                # promtool checks /metrics
  python3-prometheus-client                                                 # its OpenMetrics parser reads /metrics
  chromium                                                                  # draws the dashboard
  xxhash                                                                    # an independent xxHash64
  librocksdb-dev                                                            # the engine that the storage contract also holds for
  libfaketime                                                               # clocks that drift
  gcc libc6-dev                                                             # the shim that makes fdatasync fail
  liblz4-1 libzstd1                                                         # codecs
  curl e2fsprogs mount                                                      # HTTP by hand; the loop mount that loses power
)
# The official JavaScript client; a Node.js that did not come from Debian serves as well.
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ]; then
  echo "missing for some tests: ${missing[*]}"
  echo "install them with: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
  [ "${CI:-}" = true ] && exit 1
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
echo "installing: ${missing[*]}"
apt-get -o DPkg::Lock::Timeout=120 update -qq </dev/null >/dev/null &&
  apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
