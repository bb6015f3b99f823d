#!/usr/bin/env bash
# Prints the path of Chromium or Chrome, which the browser tests of the report use.
#   tools/chromium.sh             searches only
#   tools/chromium.sh --install   if there is none, installs Debian's package where this user has the right
set -euo pipefail

package=chromium

# A snap cannot read the folders that the tests write to, and Ubuntu's chromium package only installs the snap.
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

# Prints the prefix of a command that needs root. Fails if sudo would prompt for a password: set-up never waits for input.
as_root() {
  if [ "$(id -u)" = 0 ]; then return 0; fi
  sudo -n true 2>/dev/null || return 1
  echo "sudo -n env DEBIAN_FRONTEND=noninteractive"
}

install_chromium() {
  local prefix
  prefix=$(as_root) || return 1
  export DEBIAN_FRONTEND=noninteractive
  # A fresh image has no package lists. The update fails if any source does, even one that is not needed here.
  # shellcheck disable=SC2086  # split into words, here and below
  $prefix apt-get update -q || true
  echo "no Chromium found; running apt-get install -y --no-install-recommends $package"
  # shellcheck disable=SC2086
  $prefix apt-get install -y --no-install-recommends $package
}

if find_chromium; then exit 0; fi

hint="run make browser"
if [ "${1:-}" = --install ]; then
  hint="install one"
  if command -v apt-get >/dev/null; then
    # Standard output is for the path only.
    if install_chromium >&2 </dev/null && find_chromium; then exit 0; fi
    hint="type: sudo apt-get update && sudo apt-get install -y --no-install-recommends $package"
  fi
fi
echo "the browser tests of the report need Chromium or Chrome, and none was found on PATH; $hint, or set CHROMIUM to its path (no snap)" >&2
exit 2
