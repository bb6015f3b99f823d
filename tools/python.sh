#!/usr/bin/env bash
# Prints the first Python on PATH that is 3.11 or newer and can make virtual environments.
set -euo pipefail

without_venv=""
for name in python3 python3.11 python3.12 python3.13; do
  # Try every executable of that name on PATH: the first may be a version manager's wrapper that does not work.
  while IFS= read -r candidate; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
      echo "$candidate"
      exit 0
    fi
    without_venv=$candidate
  done < <(type -aP "$name")
done

if [ -n "$without_venv" ]; then
  package=$("$without_venv" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  echo "error: $without_venv cannot make virtual environments; on Debian and Ubuntu: sudo apt-get install $package" >&2
else
  echo "error: segue needs Python 3.11 or newer as python3, python3.11, python3.12 or python3.13 on PATH;" \
    "found: $(python3 --version 2>/dev/null || echo none)" >&2
fi
exit 2
