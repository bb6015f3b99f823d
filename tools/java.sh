#!/usr/bin/env bash
# Prints the JAVA_HOME of a Java that Spark 4 runs on, even where the machine's default is another one.
#   tools/java.sh             looks, changes nothing
#   tools/java.sh --install   where there is none, installs one if this user may do that
set -euo pipefail

wanted="17 21"

# The major version of the Java in a folder. Its release file spares starting a JVM for each submit.
version_of() {
  [ -x "$1/bin/java" ] || return 0
  if [ -r "$1/release" ]; then
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
  else
    "$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' || true
  fi
}

is_wanted() {
  local version
  [ -n "$1" ] || return 1
  version=$(version_of "$1")
  case " $wanted " in
    *" ${version:-none} "*) return 0 ;;
  esac
  return 1
}

# A version manager puts a stand-in on PATH: then Java itself is asked where it lives.
home_on_path() {
  local java home
  java=$(command -v java) || return 0
  home=$(readlink -f "$java" 2>/dev/null || true)
  home=${home%/bin/java}
  if [ -r "$home/release" ]; then
    echo "$home"
  else
    "$java" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.home = //p' || true
  fi
}

homes_elsewhere() {
  local version
  printf '%s\n' /usr/lib/jvm/* "${HOME:-}"/.sdkman/candidates/java/* \
    /opt/homebrew/opt/openjdk@*/libexec/openjdk.jdk/Contents/Home \
    /usr/local/opt/openjdk@*/libexec/openjdk.jdk/Contents/Home
  if [ -x /usr/libexec/java_home ]; then # macOS
    for version in $wanted; do /usr/libexec/java_home -v "$version" 2>/dev/null || true; done
  fi
}

find_java() {
  local home
  for home in "${JAVA_HOME:-}" "$(home_on_path)"; do
    if is_wanted "$home"; then echo "$home"; return 0; fi
  done
  while IFS= read -r home; do
    if is_wanted "$home"; then echo "$home"; return 0; fi
  done < <(homes_elsewhere)
  return 1
}

manager() {
  local name
  for name in apt-get dnf apk brew; do
    if command -v "$name" >/dev/null; then echo "$name"; return; fi
  done
}

# The first package that the manager knows: a release of a distribution seldom has both 17 and 21.
package_for() {
  local ask package
  case $1 in
    apt-get) ask="apt-cache show"; set -- openjdk-17-jre-headless openjdk-21-jre-headless ;;
    dnf) ask="dnf -q info"; set -- java-17-openjdk-headless java-21-openjdk-headless ;;
    apk) ask="apk search -e"; set -- openjdk17-jre-headless openjdk21-jre-headless ;;
    brew) echo openjdk@17; return ;;
  esac
  for package in "$@"; do
    if [ -n "$($ask "$package" 2>/dev/null)" ]; then echo "$package"; return; fi
  done
  echo "$1"
}

install_words() {
  case $1 in
    apt-get | dnf) echo "$1 install -y $(package_for "$1")" ;;
    apk) echo "apk add $(package_for apk)" ;;
    brew) echo "brew install $(package_for brew)" ;;
  esac
}

# What goes before a command that needs root: nothing for root, nor for brew, which refuses it. Fails where a
# password would be asked for: set-up must not stop and wait for one.
as_root() {
  if [ "$(id -u)" = 0 ] || [ "$1" = brew ]; then return 0; fi
  sudo -n true 2>/dev/null || return 1
  echo "sudo -n env DEBIAN_FRONTEND=noninteractive"
}

install_java() {
  local before words
  before=$(as_root "$1") || return 1
  export DEBIAN_FRONTEND=noninteractive
  # A fresh image has no package lists. One broken source fails the whole update, and need not matter here.
  # shellcheck disable=SC2086  # words to be split, here and below
  if [ "$1" = apt-get ]; then $before apt-get update -q || true; fi
  words=$(install_words "$1")
  echo "no Java 17 or 21 found, so: $words"
  # shellcheck disable=SC2086
  $before $words
}

if find_java; then exit 0; fi

hint="run make setup, or set JAVA_HOME"
if [ "${1:-}" = --install ]; then
  manager=$(manager)
  # Only the answer may stand on standard output.
  if [ -n "$manager" ] && install_java "$manager" >&2 </dev/null && find_java; then exit 0; fi
  case $manager in
    "") hint="install one, and set JAVA_HOME to its folder" ;;
    apt-get) hint="type: sudo apt-get update && sudo $(install_words apt-get)" ;;
    brew) hint="type: $(install_words brew)" ;;
    *) hint="type: sudo $(install_words "$manager")" ;;
  esac
  [ -z "$manager" ] || hint="$hint (21 does as well as 17), then make setup again"
fi
echo "error: Spark needs Java 17 or 21, and none was found in JAVA_HOME, on PATH or in /usr/lib/jvm; $hint" >&2
exit 2
