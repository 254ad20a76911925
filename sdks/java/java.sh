#!/usr/bin/env bash
# Builds and runs this SDK with the JDK and Debian's jars alone, without a network. With Maven and its repository at hand
# `mvn verify` does the same from pom.xml.
#   java.sh build          classes, tests and runner into build/, once for the same sources
#   java.sh jar            build/norikv-client.jar
#   java.sh test           the unit tests
#   java.sh doc            the API's pages into build/doc; a public member without a comment is an error
#   java.sh run CLASS …    a class of ours
#   java.sh bench CLASS …  the same with the virtual machine's own settings
#   java.sh program FILE … a program in one file
#   java.sh missing        prints what the machine lacks; nothing when it lacks nothing
set -euo pipefail
home=$(cd "$(dirname "$0")" && pwd)
build=$home/build
share=/usr/share/java
names=(
  grpc-api grpc-context grpc-core grpc-protobuf grpc-protobuf-lite grpc-netty protobuf guava perfmark-api
  netty-buffer netty-codec netty-codec-http netty-codec-http2 netty-codec-socks netty-common netty-handler netty-handler-proxy
  netty-resolver netty-transport netty-transport-native-unix-common netty-tcnative
)
jars=$(printf ":$share/%s.jar" "${names[@]}")
jars=${jars:1}
test_names=(
  junit-jupiter-api junit-jupiter-engine junit-platform-commons junit-platform-engine junit-platform-launcher junit-platform-console
  junit-platform-reporting opentest4j opentest4j-reporting-events opentest4j-reporting-schema apiguardian-api picocli univocity-parsers
)
test_jars=$(printf ":$share/%s.jar" "${test_names[@]}")
# Only for compiling: what the others are annotated with.
annotations=$share/error-prone-annotations.jar
# A server's life is long and a runner's is short: less compiling, less memory.
java=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto "-Djava.library.path=$build/native")

missing() {
  local absent=()
  command -v javac >/dev/null || absent+=(default-jdk-headless)
  command -v protoc >/dev/null || absent+=(protobuf-compiler)
  [ -f $share/grpc-netty.jar ] && [ -f $share/perfmark-api.jar ] || absent+=(libgrpc-java libperfmark-java)
  [ -f $share/protobuf.jar ] || absent+=(libprotobuf-java)
  [ -f $share/netty-codec-http2.jar ] || absent+=(libnetty-java)
  [ -f $share/netty-tcnative.jar ] || absent+=(libnetty-tcnative-java libnetty-tcnative-jni)
  [ -f $share/guava.jar ] || absent+=(libguava-java)
  [ -f $share/junit-jupiter-api.jar ] || absent+=(junit5)
  [ ${#absent[@]} -eq 0 ] || echo "${absent[*]}"
}

build() {
  exec 9>"$home/.build.lock"
  flock 9
  local stamp
  stamp=$(cat "$home/java.sh" "$home"/../../proto/norikv.proto $(find "$home/src" -name '*.java' | sort) | sha256sum)
  [ -f "$build/stamp" ] && [ "$(cat "$build/stamp")" = "$stamp" ] && return
  rm -rf "$build"
  mkdir -p "$build/generated" "$build/proto" "$build/classes" "$build/test"
  # TLS: Debian's netty cannot use the JDK's ALPN, and looks for OpenSSL's library under a name that Debian's does not have.
  mkdir "$build/native"
  cp /usr/lib/*/jni/libnetty-tcnative.so "$build/native/libnetty_tcnative.so"
  protoc -I "$home/../../proto" --java_out="$build/generated" norikv.proto
  javac -nowarn -encoding UTF-8 --release 17 -proc:none -d "$build/proto" -cp "$jars:$annotations" $(find "$build/generated" -name '*.java')
  javac -Xlint:all,-processing,-path,-serial -Werror -encoding UTF-8 --release 17 -proc:none -d "$build/classes" -cp "$build/proto:$jars:$annotations" \
    $(find "$home/src/main" -name '*.java')
  javac -Xlint:all,-processing,-path,-serial -encoding UTF-8 --release 17 -proc:none -d "$build/test" \
    -cp "$build/classes:$build/proto:$jars$test_jars" $(find "$home/src/test" -name '*.java')
  echo "$stamp" >"$build/stamp"
}

absent=$(missing)
command=${1:-test}
[ $# -eq 0 ] || shift
if [ "$command" = missing ]; then echo "$absent"; exit 0; fi
[ -z "$absent" ] || { echo "missing: $absent" >&2; exit 2; }
classes=$build/classes:$build/proto:$jars
case $command in
  build) build ;;
  jar)
    build
    jar --create --file "$build/norikv-client.jar" -C "$build/classes" . -C "$build/proto" . ;;
  test)
    build
    cd "$home"
    exec "${java[@]}" -cp "$build/test:$classes$test_jars" org.junit.platform.console.ConsoleLauncher \
      --disable-banner --disable-ansi-colors --fail-if-no-tests --details=tree --select-package com.norikv.client "$@" ;;
  doc)
    build
    exec javadoc -quiet -Xdoclint:all -Werror -encoding UTF-8 -d "$build/doc" -cp "$build/proto:$jars" -sourcepath "$home/src/main/java" \
      com.norikv.client com.norikv.client.testing ;;
  run) build; exec "${java[@]}" -cp "$build/test:$classes$test_jars" "$@" ;;
  bench) build; exec java "-Djava.library.path=$build/native" -cp "$build/test:$classes$test_jars" "$@" ;;
  program) build; exec "${java[@]}" -cp "$classes" "$@" ;;
  *) sed -n '2,11p' "$0"; exit 2 ;;
esac
