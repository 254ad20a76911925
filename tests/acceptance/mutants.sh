#!/usr/bin/env bash
# Acceptance: the planted bugs of tests/mutants still apply, and three of them are still found. tests/mutants/run runs all.
set -euo pipefail
cd "$(dirname "$0")/../.."

git rev-parse --verify -q HEAD >/dev/null 2>&1 || { echo "skipped: this is not a clone, and a mutant needs a worktree"; exit 0; }
tests/mutants/run --check
tests/mutants/run 01- 12- 31-
