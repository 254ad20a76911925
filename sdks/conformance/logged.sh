#!/usr/bin/env bash
# logged.sh FILE COMMAND…: runs COMMAND in its own place and adds to FILE what it says at level ERROR, with the lines behind it.
file=$1; shift
exec "$@" > >(tee >(grep -A 30 ' ERROR ' >>"$file")) 2>&1
