#!/usr/bin/env bash
# Prints the path of a Chromium or Chrome, which the tests of the report's page drive.
#   tools/chromium.sh             looks, changes nothing
#   tools/chromium.sh --install   where there is none, installs Debian's if this user may do that
set -euo pipefail

package=chromium

# A snap does not see the folders that tests write to, and Ubuntu's own packages only stand in for one.
is_usable() {
  case $("$1" --version 2>/dev/null) in
    *snap*) return 1 ;;
    Chromium* | "Google Chrome"*) return 0 ;;
  esac
  return 1
}

find_chromium() {
  local name path
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    /Applications/Chromium.app/Contents/MacOS/Chromium; do
    path=$(command -v "$name") || continue
    if is_usable "$path"; then echo "$path"; return 0; fi
  done
  return 1
}

# What goes before a command that needs root. Fails where a password would be asked for: set-up must not stop and
# wait for one.
as_root() {
  if [ "$(id -u)" = 0 ]; then return 0; fi
  sudo -n true 2>/dev/null || return 1
  echo "sudo -n env DEBIAN_FRONTEND=noninteractive"
}

install_chromium() {
  local before
  before=$(as_root) || return 1
  export DEBIAN_FRONTEND=noninteractive
  # A fresh image has no package lists. One broken source fails the whole update, and need not matter here.
  # shellcheck disable=SC2086  # words to be split, here and below
  $before apt-get update -q || true
  echo "no Chromium found, so: apt-get install -y --no-install-recommends $package"
  # shellcheck disable=SC2086
  $before apt-get install -y --no-install-recommends $package
}

if find_chromium; then exit 0; fi

hint="run make browser"
if [ "${1:-}" = --install ]; then
  hint="install one"
  if command -v apt-get >/dev/null; then
    # Only the answer may stand on standard output.
    if install_chromium >&2 </dev/null && find_chromium; then exit 0; fi
    hint="type: sudo apt-get update && sudo apt-get install -y --no-install-recommends $package"
  fi
fi
echo "the tests of the report's page need Chromium or Chrome, and none was found on PATH; $hint, or set CHROMIUM to the path of one (no snap)" >&2
exit 2
