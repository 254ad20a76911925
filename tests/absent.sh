# To be sourced. absent WHAT INSTALL: says that it is skipped for want of its tools; false where they were to be installed (as root, or with
# CI=true, tests/prerequisites.sh does that), because then it is a failure.
absent() {
  echo "skipped: $1 ($2)"
  [ "$(id -u)" != 0 ] && [ "${CI:-}" != true ]
}
