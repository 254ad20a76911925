#!/usr/bin/env bash
# Turns the package catalogue of a Debian machine into JSON lines, one record a package: {"key":"NAME","value":"STANZA"}.
#
#   apt-cache dumpavail | examples/import-packages.sh > packages.jsonl
#   ./norikv import packages.jsonl
#
# A package that is listed more than once (versions, architectures) keeps its first stanza, the one apt prefers to show;
# how many were left out is said on standard error. Bytes that are not UTF-8 are dropped: JSON is Unicode.
set -euo pipefail

iconv -f UTF-8 -t UTF-8 -c | LC_ALL=C awk '
  # Stanzas are paragraphs; the name is in the line "Package: NAME".
  BEGIN {
    RS = ""; FS = "\n"
    for (i = 0; i < 32; i++) control[sprintf("%c", i)] = sprintf("\\u%04x", i)
    control["\t"] = "\\t"; control["\r"] = "\\r"; control["\b"] = "\\b"; control["\f"] = "\\f"
  }
  function json(text,    parts, n, i, c, out) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    gsub(/\n/, "\\n", text)
    if (text !~ /[\001-\037]/) return "\"" text "\""
    out = ""
    n = length(text)
    for (i = 1; i <= n; i++) {
      c = substr(text, i, 1)
      out = out ((c in control) ? control[c] : c)
    }
    return "\"" out "\""
  }
  {
    name = ""
    for (i = 1; i <= NF && name == ""; i++) if ($i ~ /^Package: /) name = substr($i, 10)
    if (name == "") next
    if (name in seen) { twice++; next }
    seen[name] = 1
    print "{\"key\":" json(name) ",\"value\":" json($0) "}"
    count++
  }
  END { printf "%d packages, %d further stanzas of the same packages left out\n", count, twice | "cat 1>&2" }
'
