#!/usr/bin/env bash
# Prints the path of versitygw, a server with the interface of S3, which the tests of stores use.
#   tools/versitygw.sh             searches only
#   tools/versitygw.sh --install   if there is none and Go is installed, builds it into build/bin/ (some minutes, once)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=v1.8.0

find_server() {
  local path
  for path in "${VERSITYGW:-}" "$PWD/build/bin/versitygw" "$(command -v versitygw || true)"; do
    if [ -n "$path" ] && [ -x "$path" ]; then echo "$path"; return 0; fi
  done
  return 1
}

if find_server; then exit 0; fi
if [ "${1:-}" = --install ] && command -v go >/dev/null; then
  echo "building versitygw $version, an S3 server for the tests (once, some minutes)" >&2
  mkdir -p build
  # without optimisation and C code the build takes 60 % of the processor time, and the server is fast enough for tests
  if CGO_ENABLED=0 GOBIN="$PWD/build/bin" go install -gcflags='all=-N -l' "github.com/versity/versitygw/cmd/versitygw@$version" >build/versitygw.log 2>&1; then
    find_server
    exit 0
  fi
  tail -n 5 build/versitygw.log >&2
fi
echo "versitygw was not found: the tests of S3 are skipped. With Go: make stores; or VERSITYGW=PATH names the program" >&2
exit 2
